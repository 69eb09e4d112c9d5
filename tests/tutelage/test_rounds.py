from __future__ import annotations

import json
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

MORE_UPDATES = ("--arms.answers.passes", "12")


@pytest.fixture
def arguments(tiny_course) -> list[str]:
    return ["course", "--config", str(tiny_course), *MORE_UPDATES, "--folder"]


def state(path: Path) -> str:
    return json.loads(path.read_text())["state"] if path.exists() else "none"


def kill_when(tutelage, arguments: list[str], ready: Callable[[], bool]) -> None:
    process = tutelage.start(*arguments)
    deadline = time.monotonic() + 600
    while not ready():
        assert process.poll() is None, f"the course ended with {process.returncode} before the moment came"
        assert time.monotonic() < deadline
        time.sleep(0.002)
    process.kill()
    process.wait()


def results(course: Path) -> dict[str, object]:
    """What must not depend on kills: everything but times, paths and the ledger's file format."""
    found: dict[str, object] = {}
    for path in sorted(course.rglob("*")):
        name = path.relative_to(course).as_posix()
        if path.suffix in (".parquet", ".safetensors"):
            found[name] = path.read_bytes()
        elif path.name == "training.json" or (path.name == "report.json" and path.parent.name != "round-000"):
            facts = json.loads(path.read_text())
            facts.pop("seconds", None)
            found[name] = facts
    return found


def test_a_killed_course_ends_with_the_results_of_an_undisturbed_one(tutelage, arguments):
    whole, killed = tutelage.folder / "whole", tutelage.folder / "killed"
    done = tutelage(*arguments, "whole")
    assert done.returncode == 0, done.stderr

    arm, other = killed / "round-000" / "answers", killed / "round-000" / "rationales"
    again = [*arguments, "killed"]
    kill_when(tutelage, again, lambda: state(killed / "round-000/steps/distill.json") == "done")  # between steps
    kill_when(tutelage, again, lambda: (arm / "checkpoints/last.ckpt").exists())  # while training
    assert state(arm / "steps/train.json") == "begun"
    kill_when(tutelage, again, lambda: state(other / "steps/train.json") == "begun")  # before the first checkpoint
    assert state(arm / "steps/evaluate.json") == "done"
    done = tutelage(*again)
    assert done.returncode == 0, done.stderr

    assert results(killed) == results(whole)
    report = json.loads((killed / "round-000" / "report.json").read_text())
    assert (
        report["spending"][0]["calls"]
        == json.loads((whole / "round-000" / "report.json").read_text())["spending"][0]["calls"]
    )
    assert (killed / "report.html").read_bytes() == (killed / "round-000" / "report.html").read_bytes()

    done = tutelage("course", "--config", "killed/course.yaml")  # the resolved config goes on with the course
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("done before") == done.stderr.count("[")

    before = results(killed)
    done = tutelage(*again, "--arms.answers.passes", "3")
    assert done.returncode == 2
    assert (
        "The step 'plan' in killed/round-000/answers was finished with other settings (passes: 12.0 -> 3.0)"
        in done.stderr
    )
    assert results(killed) == before

    shown = tutelage("show", "killed")
    assert "processed" in shown.stdout
    assert "verified" in tutelage("show", "killed/round-000/lessons.parquet").stdout


def test_later_rounds_ask_other_prompts_and_go_on_with_the_student(tutelage, arguments):
    more = ["--rounds", "2", "--prompts_per_round", "16", "--next_prompts", "curricula.WeakTopics"]
    one_arm = ["--arms", '{"rationales": {"rendering": "students.RationaleThenAnswer", "target": "rationale"}}']
    done = tutelage("course", *[w for w in arguments[1:] if w not in MORE_UPDATES], "two", *one_arm, *more)
    assert done.returncode == 0, done.stderr
    course = tutelage.folder / "two"
    from lessons.tables import read_prompts

    first, second = ({p.id for p in read_prompts(course / f"round-00{k}/prompts.parquet")} for k in (0, 1))
    assert len(first) == len(second) == 16
    assert not first & second
    config = (course / "round-001/rationales/train.yaml").read_text()
    assert "two/round-000/rationales/student" in config
    report = json.loads((course / "round-001/report.json").read_text())
    assert report["former"][0][0] == "round 0"
    assert "Earlier rounds" in (course / "report.html").read_text()


def test_one_folder_is_one_process_at_a_time(tutelage, arguments):
    process = tutelage.start(*arguments, "busy")
    try:
        while not (tutelage.folder / "busy" / "exam.parquet").exists():
            assert process.poll() is None
            time.sleep(0.01)
        done = tutelage(*arguments, "busy")
        assert done.returncode == 2
        assert f"Another process (process {process.pid}) is working in busy" in done.stderr
    finally:
        process.kill()
        process.wait()


def test_a_stop_is_exit_code_3_and_goes_on(tutelage, arguments):
    process = tutelage.start(*arguments, "stopped")
    folder = tutelage.folder / "stopped" / "round-000" / "answers"
    while not (folder / "checkpoints/last.ckpt").exists():
        assert process.poll() is None
        time.sleep(0.002)
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=600) == 3
    assert not (folder / "training.json").exists()


def test_a_budget_stops_the_course_and_a_larger_one_goes_on(tutelage, arguments):
    done = tutelage(*arguments, "poor", "--budget.calls", "20")
    assert done.returncode == 3
    assert "Stopped by the budget" in done.stderr
    done = tutelage(*arguments, "poor", "--budget.calls", "30")
    assert done.returncode == 3
    from teachers import Ledger

    with Ledger(tutelage.folder / "poor" / "ledger.sqlite") as ledger:
        assert ledger.totals().replies == 30


def test_training_that_refuses_its_settings_leaves_no_trace(tutelage, arguments):
    done = tutelage(*arguments, "wrong", "--training.data", '{"lessons_per_updates": 3}')
    assert done.returncode == 2
    assert "Training refused its settings or data; its own message stands above" in done.stderr
    assert "lessons_per_updates" in done.stderr
    assert not (tutelage.folder / "wrong/round-000/answers/steps/train.json").exists()


def test_training_settings_are_read_before_a_paid_teacher_is_asked(tutelage, arguments):
    paid = ("--teacher", "teachers.OpenAIBackend", "--teacher.model", "gpt-5-mini")
    wrong = ("--training.data", '{"lessons_per_updates": 3}')
    done = tutelage(*arguments, "paid", *paid, *wrong, OPENAI_API_KEY="unused")
    assert done.returncode == 2
    assert "The training of the arm 'answers' would be refused" in done.stderr
    assert "Nothing was spent yet" in done.stderr
    assert not (tutelage.folder / "paid/ledger.sqlite").exists()
