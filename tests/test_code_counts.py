"""The code keeps within its limits, and docs/architecture.md says about what the counts are."""

from __future__ import annotations

import code_counts


def test_the_counts_are_within_their_limits_and_in_the_page() -> None:
    assert code_counts.problems(code_counts.counts(), code_counts.PAGE.read_text(encoding="utf-8")) == []


def test_a_broken_limit_and_an_old_page_are_reported() -> None:
    found = code_counts.counts()
    page = code_counts.section(found)
    assert code_counts.problems(found, page) == []
    found |= {"import circles": 1, "files of the package": 2 * found["files of the package"]}
    wrong = code_counts.problems(found, page)
    assert [problem.split(":")[0] for problem in wrong] == [
        "import circles",
        "docs/architecture.md",
        "docs/architecture.md",
    ]
