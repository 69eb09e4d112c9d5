from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from lessons.errors import ConfigError, StorageError
from lessons.folders import MARKER, staged_folder


def test_a_folder_appears_when_it_is_complete(tmp_path: Path) -> None:
    with staged_folder(tmp_path / "out") as partial:
        (partial / "a").mkdir()
        (partial / "a" / "b").write_text("x")
        assert not (tmp_path / "out").exists()
    assert (tmp_path / "out" / "a" / "b").read_text() == "x"
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_an_empty_folder_is_filled(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    with staged_folder(tmp_path / "out") as partial:
        (partial / "a").write_text("x")
    assert (tmp_path / "out" / "a").exists()


def test_a_folder_that_appeared_meanwhile_is_kept(tmp_path: Path) -> None:
    target = tmp_path / "out"

    def write() -> None:
        with staged_folder(target) as partial:
            (partial / "mine").write_text("x")
            target.mkdir()
            (target / "theirs").write_text("y")

    with pytest.raises(ConfigError, match="exists already and is not overwritten"):
        write()
    assert [path.name for path in target.iterdir()] == ["theirs"]
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_what_killed_processes_left_is_removed_and_what_runs_is_kept(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    for name in (f".out.{process.pid}.partial", f".out.{process.pid}.old", ".out.1.partial", ".out.notes.partial"):
        (tmp_path / name).mkdir()
    with staged_folder(tmp_path / "out") as partial:
        (partial / "a").write_text("x")
    assert sorted(path.name for path in tmp_path.iterdir()) == [".out.1.partial", ".out.notes.partial", "out"]


def test_only_marked_folders_are_replaced(tmp_path: Path) -> None:
    target = tmp_path / "out"
    target.mkdir()
    (target / "a").write_text("old")
    with pytest.raises(ConfigError, match=rf"holds no {MARKER}"), staged_folder(target, replace_ours=True):
        pass
    (target / MARKER).write_text("{}")
    with staged_folder(target, replace_ours=True) as partial:
        (partial / "b").write_text("new")
    assert [path.name for path in target.iterdir()] == ["b"]


def test_a_disk_that_refuses(tmp_path: Path) -> None:
    def write() -> None:
        with staged_folder(tmp_path / "out") as partial:
            (partial / "a").write_text("x")
            Path("/dev/full").write_text("x")  # a device that has no space left

    with pytest.raises(StorageError, match=r"Could not write the folder .*out: No space left.*Free space"):
        write()
    assert list(tmp_path.iterdir()) == []
