"""The code keeps within its limits, and docs/architecture.md says about what the counts are."""

from __future__ import annotations

import code_counts
import pytest


@pytest.fixture(scope="module")
def found() -> dict[str, int]:
    """The counts of this checkout. Counting takes seconds."""
    return code_counts.counts()


@pytest.mark.slow
def test_the_counts_are_within_their_limits_and_in_the_page(found: dict[str, int]) -> None:
    assert code_counts.problems(found, code_counts.PAGE.read_text(encoding="utf-8")) == []


@pytest.mark.slow
def test_a_broken_limit_and_an_old_page_are_reported(found: dict[str, int]) -> None:
    page = code_counts.section(found)
    assert code_counts.problems(found, page) == []
    changed = found | {"import circles": 1, "files of the package": 2 * found["files of the package"]}
    wrong = code_counts.problems(changed, page)
    assert [problem.split(":")[0] for problem in wrong] == [
        "import circles",
        "docs/architecture.md",
        "docs/architecture.md",
    ]
