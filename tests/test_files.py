"""Files and folders change as a whole: readers find the old one or the new one."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from aassl_ros import files
from aassl_ros.files import put_folder, write_whole


def folder(path: Path, content: str) -> Path:
    path.mkdir()
    (path / "file").write_text(content)
    return path


def content(path: Path) -> str:
    return (path / "file").read_text()


def test_a_file_is_written_over(tmp_path: Path) -> None:
    for text in ("one", "zwölf"):
        write_whole(tmp_path / "file", text)
    write_whole(tmp_path / "bytes", b"\x00")
    assert content(tmp_path) == "zwölf"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bytes", "file"]


def test_a_file_that_cannot_be_moved_into_place_leaves_the_old_one_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_whole(tmp_path / "file", "old")

    def refuse(*names: Any) -> None:
        raise OSError("no")

    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(OSError, match="no"):
        write_whole(tmp_path / "file", "new")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
    assert content(tmp_path) == "old"


def test_at_every_step_of_the_change_there_is_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, made = folder(tmp_path / "data", "old"), folder(tmp_path / "made", "new")
    replace, remove = os.replace, files.shutil.rmtree

    def replace_and_look(*names: Any) -> None:
        replace(*names)
        assert path.exists()

    def look_and_remove(*arguments: Any, **options: Any) -> None:
        assert content(path) == "new"
        remove(*arguments, **options)

    monkeypatch.setattr(os, "replace", replace_and_look)
    monkeypatch.setattr(files.shutil, "rmtree", look_and_remove)
    put_folder(made, path)
    assert content(path) == "new"
    assert [entry.name for entry in tmp_path.iterdir()] == ["data"]


@pytest.mark.parametrize("fails", [False, True])
def test_where_names_cannot_be_exchanged_the_old_folder_comes_back_if_the_new_one_cannot_take_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fails: bool
) -> None:
    path, made = folder(tmp_path / "data", "old"), folder(tmp_path / "made", "new")
    replace = os.replace

    def cannot_exchange(*names: Any) -> None:
        raise OSError("not on this file system")

    def replace_unless_new(source: Path, target: Path) -> None:
        if fails and source == made:
            raise OSError("disk is gone")
        replace(source, target)

    monkeypatch.setattr(files, "_exchange", cannot_exchange)
    monkeypatch.setattr(os, "replace", replace_unless_new)
    if fails:
        with pytest.raises(OSError, match="disk is gone"):
            put_folder(made, path)
        assert (content(path), content(made)) == ("old", "new")
    else:
        put_folder(made, path)
        assert content(path) == "new"
        assert [entry.name for entry in tmp_path.iterdir()] == ["data"]


def test_a_folder_without_a_predecessor_is_moved(tmp_path: Path) -> None:
    put_folder(folder(tmp_path / "made", "new"), tmp_path / "data")
    assert content(tmp_path / "data") == "new"


def test_a_name_that_is_not_there_cannot_be_exchanged(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        files._exchange(folder(tmp_path / "one", ""), tmp_path / "none")
