from __future__ import annotations

import sys
from pathlib import Path

import pytest
import yaml

from lessons.errors import Stopped
from tutelage.child import WorkFailed, WorkRefused, explain, run_child


@pytest.mark.parametrize(
    ("code", "error", "message"),
    [
        (3, Stopped, r"Storing logits was stopped, with all it had saved. Run the same command again.*was: a b"),
        (2, WorkRefused, r"Storing logits refused its settings or data; its own message stands above. .*was: a b"),
        (
            1,
            WorkFailed,
            r"Storing logits ended with exit code 1; if it said why.*Once the cause is mended, run the same",
        ),
        (-9, WorkFailed, r"Storing logits was killed by signal 9; if it said why.*go on from what was saved"),
    ],
)
def test_what_became_of_a_process_is_told(code: int, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        explain("Storing logits", code, "a b")
    explain("Storing logits", 0, "a b")


def test_the_config_is_written_for_whoever_wants_to_run_the_command_by_hand(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "arm" / "logits.yaml"
    with pytest.raises(
        WorkRefused, match=f"The command was: {sys.executable} -m tutelage nothing --config {path} --a b"
    ):
        run_child("Doing nothing", ["nothing"], {"out": "x", "count": 1}, path, "--a", "b")
    assert yaml.safe_load(path.read_text()) == {"out": "x", "count": 1}
    assert "No command 'nothing'" in capfd.readouterr().err
