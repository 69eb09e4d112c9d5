from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from lessons.errors import StorageError
from lessons.files import staged, write_text

# A limit on file sizes makes the kernel itself refuse the write, as a full disk does.
LIMITED = """
import resource, signal, sys
from lessons.errors import StorageError
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
target = sys.argv[1]
try:
    {write}
except StorageError as error:
    print(error)
"""
WRITE_TEXT = "from lessons.files import write_text; write_text(target, 'x' * 100_000)"
WRITE_TABLE = """from random import Random
    from lessons import Message, Prompt
    from lessons.tables import write_prompts
    noise = Random(0)
    write_prompts(target, (Prompt(str(k), (Message("user", str(noise.random())),)) for k in range(20_000)))"""


def test_the_file_appears_whole(tmp_path: Path) -> None:
    target = tmp_path / "new" / "x.txt"
    with staged(target) as partial:
        partial.write_text("half")
        assert not target.exists()
        partial.write_text("whole")
    assert target.read_text() == "whole"
    assert [entry.name for entry in target.parent.iterdir()] == ["x.txt"]


def test_a_failure_leaves_what_was_there(tmp_path: Path) -> None:
    target = tmp_path / "x.txt"
    write_text(target, "old")
    with pytest.raises(TypeError), staged(target) as partial:
        partial.write_text(7)  # type: ignore[arg-type]
    assert target.read_text() == "old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["x.txt"]


def test_a_lost_connection_is_no_fault_of_the_disk(tmp_path: Path) -> None:
    with pytest.raises(ConnectionResetError), staged(tmp_path / "x.txt"):
        raise ConnectionResetError(104, "Connection reset by peer")


@pytest.mark.parametrize("write", [WRITE_TEXT, WRITE_TABLE], ids=["text", "table"])
def test_a_full_disk(tmp_path: Path, write: str) -> None:
    target = tmp_path / "x.parquet"
    target.write_text("old")
    code = LIMITED.replace("{write}", write)
    done = subprocess.run([sys.executable, "-c", code, str(target)], capture_output=True, text=True, check=True)
    assert done.stdout.startswith(
        f"Could not write {target}: File too large (errno 27). What was there before is untouched."
    )
    assert "Free space" in done.stdout
    assert target.read_text() == "old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["x.parquet"]


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match=r"Could not write .*/file/x.txt: File exists \(errno 17\)"):
        write_text(tmp_path / "file" / "x.txt", "new")


def test_a_kill_leaves_the_old_file(tmp_path: Path) -> None:
    target = tmp_path / "x.txt"
    target.write_text("old")
    code = (
        "import os, signal, sys\nfrom lessons.files import staged\n"
        "with staged(sys.argv[1]) as partial:\n    partial.write_text('torn')\n    os.kill(os.getpid(), signal.SIGKILL)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(target)], check=False)
    assert done.returncode == -signal.SIGKILL
    assert target.read_text() == "old"
    write_text(target, "new")
    assert target.read_text() == "new"


def test_two_writers_do_not_share_a_partial_file(tmp_path: Path) -> None:
    with staged(tmp_path / "x") as partial:
        assert str(os.getpid()) in partial.name
        partial.touch()
