"""Things chosen by name: added by a call or by another package, each mistake told in one line."""

from __future__ import annotations

from pathlib import Path

import pytest

from aassl_ros.errors import ConfigError
from aassl_ros.registry import Registry

GROUP = "aassl_ros.tests"


def install(folder: Path, monkeypatch: pytest.MonkeyPatch, entry: str, module: str = "") -> None:
    """Make a package `tiny-plugin` findable, with one entry point and one module `tiny_plugin`."""
    facts = folder / "tiny_plugin-1.0.dist-info"
    facts.mkdir()
    (facts / "METADATA").write_text("Metadata-Version: 2.1\nName: tiny-plugin\nVersion: 1.0\n")
    (facts / "entry_points.txt").write_text(f"[{GROUP}]\n{entry}\n")
    (folder / "tiny_plugin.py").write_text(module)
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.delitem(__import__("sys").modules, "tiny_plugin", raising=False)


@pytest.fixture
def numbers() -> Registry[int]:
    registry: Registry[int] = Registry("number", GROUP, int)
    registry.register("two", 2)
    return registry


def test_names_come_in_the_order_of_registration(numbers: Registry[int]) -> None:
    numbers.register("one", 1)
    assert list(numbers) == ["two", "one"]
    assert (numbers["one"], len(numbers), "three" in numbers, numbers.get("three")) == (1, 2, False, None)
    with pytest.raises(KeyError):
        numbers["three"]


def test_the_same_item_may_be_registered_twice_and_another_may_not(numbers: Registry[int]) -> None:
    assert numbers.register("two", 2) == 2
    with pytest.raises(ConfigError, match=r"^there are two numbers called 'two'\. Give yours another name\.$"):
        numbers.register("two", 3)
    assert numbers["two"] == 2


def test_a_wrong_type_and_a_wrong_name_are_refused(numbers: Registry[int]) -> None:
    with pytest.raises(ConfigError, match=r"^number 'three' is of type str, expected int\.$"):
        numbers.register("three", "3")  # type: ignore[arg-type]
    for name in ("", " three"):
        with pytest.raises(ConfigError, match="expected a name"):
            numbers.register(name, 3)
    assert list(numbers) == ["two"]


def test_an_entry_point_adds_an_item(numbers: Registry[int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path, monkeypatch, "three = tiny_plugin:THREE", "THREE = 3\n")
    assert numbers["two"] == 2
    assert numbers["three"] == 3
    assert list(numbers) == ["two", "three"]


@pytest.mark.parametrize(
    ("entry", "module", "reason"),
    [
        ("three = tiny_plugin:THREE", "raise RuntimeError('no licence')", "RuntimeError: no licence"),
        ("three = tiny_plugin:THREE", "FOUR = 4", "AttributeError"),
        ("three = tiny_plugin_2:THREE", "", "ModuleNotFoundError"),
        ("three = tiny_plugin:THREE", "THREE = '3'", "number 'three' is of type str, expected int"),
        ("two = tiny_plugin:TWO", "TWO = 22", "there are two numbers called 'two'"),
        ("three = tiny_plugin:THREE", "raise RuntimeError('one\\ntwo')", "RuntimeError: one"),
    ],
)
def test_a_package_that_cannot_be_loaded_is_named_in_one_line(
    entry: str, module: str, reason: str, numbers: Registry[int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(tmp_path, monkeypatch, entry, module)
    for _ in range(2):  # asked again, it says so again
        with pytest.raises(ConfigError) as caught:
            list(numbers)
        said = str(caught.value)
        assert said.startswith(f"number {entry.split()[0]!r} of the package tiny-plugin cannot be loaded (")
        assert reason in said
        assert "\n" not in said
