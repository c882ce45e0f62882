"""`aassl prepare` and `aassl bag check` of damaged recordings: data or findings, or one line that names the bag."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mutants import HARM, harmed

from aassl_ros.data.bags.check import check_bag
from aassl_ros.data.prepare.prepare import prepare
from aassl_ros.data.prepare.report import PrepareSettings
from aassl_ros.errors import AasslError

MUTANT = {
    "storage": st.sampled_from(["mcap", "sqlite3"]),
    "which": st.integers(0, 1),
    "harms": st.lists(HARM, min_size=1, max_size=4),
}
ODD = settings(suppress_health_check=list(HealthCheck), deadline=None)


@pytest.fixture
def whole(streams: Any, make_bag: Callable[..., Path]) -> dict[str, Path]:
    """A sound recording of half a second in each storage."""
    stream = list(streams.stream(0.5))
    return {storage: make_bag(stream, name=storage, storage=storage) for storage in ("mcap", "sqlite3")}


def try_mutant(whole: dict[str, Path], storage: str, which: int, harms: list[tuple[str, float, int]]) -> None:
    path = whole[storage].with_name("mutant")
    shutil.rmtree(path, ignore_errors=True)
    shutil.copytree(whole[storage], path)
    file = sorted(path.iterdir())[which]
    data = file.read_bytes()
    for harm in harms:
        data = harmed(data, harm)
    file.write_bytes(data)
    out = path.with_name("data")
    said = []
    for act in (lambda: prepare([path], out, PrepareSettings(image_size=16)), lambda: check_bag(path)):
        try:
            act()
        except AasslError as error:
            said.append(str(error))
    shutil.rmtree(out, ignore_errors=True)
    assert all("\n" not in line and path.name in line for line in said)


@settings(ODD, max_examples=40)
@given(**MUTANT)
def test_mutants_give_data_or_one_line(whole: dict[str, Path], storage: str, which: int, harms: Any) -> None:
    try_mutant(whole, storage, which, harms)


@pytest.mark.slow
@settings(ODD, max_examples=1000)
@given(**MUTANT)
def test_a_thousand_mutants_give_data_or_one_line(whole: dict[str, Path], storage: str, which: int, harms: Any) -> None:
    try_mutant(whole, storage, which, harms)
