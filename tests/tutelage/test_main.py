from __future__ import annotations

import json
import subprocess
import sys

import pytest

from lessons.errors import BudgetExceeded, CallFailed, DataError, MissingSecret
from tutelage.main import COMMANDS, exit_code, main

HEAVY = ("torch", "lightning", "peft", "matplotlib", "datasets", "transformers", "openai", "anthropic")


def raising(error: BaseException):
    def work() -> None:
        raise error

    return work


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (DataError("bad row"), 2),
        (BudgetExceeded("no money left"), 3),
        (CallFailed("refused"), 1),
        (MissingSecret("unset"), 1),
        (KeyboardInterrupt(), 3),
    ],
)
def test_errors_become_exit_codes_and_one_paragraph(error, code, capsys, monkeypatch):
    monkeypatch.delenv("TUTELAGE_DEBUG", raising=False)
    assert exit_code(raising(error)) == code
    said = capsys.readouterr().err
    assert said.startswith("tutelage: ")
    assert said.count("\n") == 1
    assert str(error) in said


def test_debug_shows_the_traceback(monkeypatch):
    monkeypatch.setenv("TUTELAGE_DEBUG", "1")
    with pytest.raises(DataError):
        exit_code(raising(DataError("bad row")))


def test_a_bug_is_not_dressed_up():
    with pytest.raises(ZeroDivisionError):
        exit_code(raising(ZeroDivisionError()))


def test_help_and_version_and_unknown_commands(capsys):
    assert main(["--help"]) == 0
    shown = capsys.readouterr().out
    assert all(name in shown for name in COMMANDS)
    assert main([]) == 2
    assert main(["--version"]) == 0
    capsys.readouterr()
    assert main(["distil"]) == 2
    assert "No command 'distil'. The commands are distill, plan" in capsys.readouterr().err


@pytest.mark.parametrize("words", [["--help"], *([name, "--help"] for name in COMMANDS if name != "train")])
def test_help_loads_nothing_heavy(words):
    script = (
        "import sys, json\n"
        "from tutelage.main import main\n"
        "try:\n    main(json.loads(sys.argv[1]))\nexcept SystemExit as end:\n    assert end.code == 0, end.code\n"
        f"print('loaded:', *[name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", script, json.dumps(words)], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "loaded:"
    assert len(done.stdout) > 300


def test_settings_are_documented_in_the_help(tutelage):
    shown = " ".join(tutelage("course", "--help").stdout.split())
    assert "The pool of prompts to teach." in shown
    assert "--arms" in shown
    shown = " ".join(tutelage("distill", "--teacher.help", "teachers.ScriptedBackend").stdout.split())
    assert "Raise it when the function changes" in shown


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--nonsense", "3"], "unrecognized arguments: --nonsense"),
        (["--seed", "x"], "seed"),
        (["--prompts", "lessons.Nothing"], "lessons.Nothing"),
        (["--prompts", "lessons.ArithmeticSource", "--prompts.siz", "3"], "siz"),
        (["--config", "missing.yaml"], "missing.yaml"),
        (["--folder", "f"], "required: prompts, exam, grader, student, arms"),
        (["--grader", "lessons.Marker"], "lessons.Marker"),
    ],
)
def test_bad_usage_is_one_paragraph_with_code_2(tutelage, words, message):
    done = tutelage("course", *words)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert "tutelage course --help" in done.stderr
    assert done.stderr.strip().count("\n") == 0


def test_print_config_shows_overrides(tutelage, tiny_course):
    done = tutelage("course", "--config", tiny_course, "--folder", "f", "--arms.answers.passes", "9", "--print_config")
    assert done.returncode == 0, done.stderr
    assert "passes: 9.0" in done.stdout
    assert "size: 48" in done.stdout
    assert not (tutelage.folder / "f").exists()


def test_a_part_that_training_builds_is_set_as_a_whole(tutelage, tiny_course):
    shown = ("course", "--config", tiny_course, "--folder", "f", "--print_config")
    done = tutelage(*shown[:-1], "--training.optimizer", "{class_path: torch.optim.SGD, init_args: {lr: 1}}", shown[-1])
    assert done.returncode == 0, done.stderr
    assert "class_path: torch.optim.SGD\n    init_args:\n      lr: 1" in done.stdout
    assert "Warning" not in done.stderr
    done = tutelage(*shown, "--training.optimizer.init_args.lr", "3")
    assert done.returncode == 2
    assert "Set the whole part: --training.optimizer '{class_path: ..., init_args: {...}}'" in done.stderr


def test_a_plugin_of_the_working_folder_is_found(tutelage):
    (tutelage.folder / "my_plugins.py").write_text(
        "from lessons.sources import PromptSource\n\n\nclass Mine(PromptSource):\n"
        "    def __init__(self, size: int = 1) -> None:\n        self.size = size\n\n"
        "    def prompts(self):\n        return iter(())\n"
    )
    done = tutelage(
        "distill", "--out", "o", "--prompts", "my_plugins.Mine", "--prompts.size", "2", "--teacher",
        "teachers.ScriptedBackend", "--teacher.function", "teachers.programs.addition:answer", "--annotators",
        "[teachers.RationaleAnnotator]", "--print_config",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "my_plugins.Mine" in done.stdout
