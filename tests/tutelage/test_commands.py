from __future__ import annotations

import json

import pytest

from lessons import ArithmeticSource, NumberGrader
from lessons.errors import ConfigError
from lessons.tables import read_annotations, read_attempts
from students import RandomWeights, Student
from teachers import ScriptedBackend
from tutelage.commands.evaluate import evaluate

SOURCE = ("--prompts", "lessons.ArithmeticSource", "--prompts.size", "20", "--prompts.digits", "2")
TEACHER = ("--teacher", "teachers.ScriptedBackend", "--teacher.function", "teachers.programs.addition:answer")
ASKING = ("--annotators", "[teachers.RationaleAnnotator]", "--grader", "lessons.NumberGrader")
EXAM = (
    "--exam",
    "lessons.ArithmeticSource",
    "--exam.size",
    "12",
    "--exam.part",
    "exam",
    "--grader",
    "lessons.NumberGrader",
)


@pytest.fixture
def lessons(tutelage):
    done = tutelage("distill", "--out", "d", *SOURCE, *TEACHER, *ASKING)
    assert done.returncode == 0, done.stderr
    assert "rationale:" in done.stdout
    assert "$0.00" in done.stdout
    return tutelage.folder / "d"


def test_distill_writes_verified_lessons_once(tutelage, lessons):
    found = list(read_annotations(lessons / "lessons.parquet"))
    assert len({a.prompt_id for a in found if a.trusted}) == 20
    done = tutelage("distill", "--out", "d", *SOURCE, *TEACHER, *ASKING)
    assert done.returncode == 0
    assert "holds these very lessons already" in done.stderr
    done = tutelage("distill", "--out", "d", *SOURCE, *TEACHER, "--annotators", "[teachers.DifficultyAnnotator]")
    assert done.returncode == 2
    assert "was finished with other settings" in done.stderr


def test_a_dry_run_spends_and_writes_nothing(tutelage):
    done = tutelage("distill", "--out", "d", *SOURCE, *TEACHER, *ASKING, "--dry_run", "true")
    assert done.returncode == 0, done.stderr
    assert "new calls: 20 for certain, at most 80" in done.stdout
    assert "Nothing was asked, nothing was spent." in done.stdout
    assert not (tutelage.folder / "d").exists()


def test_distill_stops_at_its_budget_with_code_3(tutelage):
    done = tutelage("distill", "--out", "d", *SOURCE, *TEACHER, *ASKING, "--budget.calls", "5")
    assert done.returncode == 3
    assert "Stopped by the budget" in done.stderr


def test_an_unset_key_is_named_before_anything_is_asked(tutelage):
    hosted = ("--teacher", "teachers.OpenAIBackend", "--teacher.model", "gpt-5-mini")
    done = tutelage("distill", "--out", "d", *SOURCE, *hosted, *ASKING, OPENAI_API_KEY="")
    assert done.returncode == 1
    assert "OPENAI_API_KEY" in done.stderr


def test_plan_explains_itself(tutelage, lessons):
    files = ("--prompts", lessons / "prompts.parquet", "--annotations", lessons / "lessons.parquet")
    order = ("--signals", "[curricula.Given]", "--ordering", "curricula.EasyFirst", "--order_by", "given_difficulty")
    done = tutelage("plan", "--out", "p", *files, "--target", "rationale", *order)
    assert done.returncode == 0, done.stderr
    assert "ordered by: given_difficulty" in done.stdout
    assert (tutelage.folder / "p" / "curriculum.png").stat().st_size > 1_000
    lesson = next(read_annotations(lessons / "lessons.parquet")).prompt_id
    assert f"Lesson '{lesson}' comes once" in tutelage("show", "p", "--lesson", lesson).stdout


def test_a_teacher_sits_the_exam_through_the_ledger(tutelage):
    done = tutelage("evaluate", "--out", "e", *EXAM, *TEACHER)
    assert done.returncode == 0, done.stderr
    card = json.loads((tutelage.folder / "e" / "report.json").read_text())
    assert card["overall"]["total"] == 12
    assert card["overall"]["correct"] >= 10
    attempts = list(read_attempts(tutelage.folder / "e" / "attempts.parquet"))
    assert all("\nAnswer: " in attempt.text for attempt in attempts)
    assert "12" in tutelage("show", "e/ledger.sqlite").stdout


def test_a_student_sits_the_exam(tutelage):
    weights = '{"class_path": "students.RandomWeights", "init_args": {"hidden_size": 32, "layers": 1, "heads": 2}}'
    student = f'{{"weights": {weights}}}'
    drawn = ("--generation.max_new_tokens", "4", "--generation.temperature", "1", "--samples", "3")
    done = tutelage("evaluate", "--out", "e", *EXAM, "--student", student, *drawn)
    assert done.returncode == 0, done.stderr
    assert "of 36" in done.stdout
    assert "in 3 answers to each of 12 questions" in done.stdout
    attempts = list(read_attempts(tutelage.folder / "e" / "attempts.parquet"))
    assert [attempt.sample for attempt in attempts] == [0, 1, 2] * 12


def test_a_critic_is_examined_by_what_its_critiques_lead_to(tutelage):
    critic = ("--critic.backend", "teachers.ScriptedBackend", "--critic.backend.function", TEACHER[-1])
    dry = tutelage("evaluate", "--out", "c", *EXAM, *critic, "--dry_run", "true")
    assert "new calls: 12 for certain, at most 36" in dry.stdout, dry.stderr
    assert not (tutelage.folder / "c").exists()
    done = tutelage("evaluate", "--out", "c", *EXAM, *critic)
    assert done.returncode == 0, done.stderr
    report = json.loads((tutelage.folder / "c" / "critic.json").read_text())
    assert report["attempts"] == 12
    assert report["mode"] == "self"
    assert "verdicts that agree with the grader" in done.stdout
    again = tutelage("evaluate", "--out", "c", *EXAM, *critic)
    assert "holds this very examination already" in again.stderr
    assert "right ones kept (CL)" in again.stdout
    assert "right ones kept (CL)" in tutelage("show", "c").stdout


def test_an_exam_needs_exactly_one_author(tutelage):
    done = tutelage("evaluate", "--out", "e", *EXAM)
    assert done.returncode == 2
    assert "exactly one of `student`, `teacher` and `critic`; none were given" in done.stderr


def test_the_cost_of_a_teachers_exam_is_foretold_and_a_student_costs_nothing(tmp_path, capsys):
    teacher = ScriptedBackend(TEACHER[-1])
    evaluate(str(tmp_path / "e"), ArithmeticSource(5), NumberGrader(), teacher=teacher, dry_run=True)
    assert "new calls: 5 for certain, at most 5" in capsys.readouterr().out
    assert not (tmp_path / "e").exists()
    student = Student(RandomWeights(hidden_size=32, layers=1, heads=2))
    with pytest.raises(ConfigError, match=r"a student, who sits this exam.*Leave dry_run out"):
        evaluate(str(tmp_path / "e"), ArithmeticSource(5), NumberGrader(), student=student, dry_run=True)


def test_only_a_student_gives_several_answers():
    with pytest.raises(ConfigError, match=r"samples=2 answers to each question are only asked of a student.*a teacher"):
        evaluate("e", ArithmeticSource(2), NumberGrader(), teacher=ScriptedBackend(TEACHER[-1]), samples=2)


@pytest.mark.parametrize(
    ("name", "message"), [("nothing", "Nothing is at nothing"), ("notes.txt", "is nothing to show")]
)
def test_show_says_what_it_knows(tutelage, name, message):
    (tutelage.folder / "notes.txt").write_text("hello")
    done = tutelage("show", name)
    assert done.returncode == 2
    assert message in done.stderr


@pytest.mark.slow
def test_doctor_finds_nothing_wrong_with_a_good_course(tutelage, tiny_course):
    done = tutelage("doctor", "--config", tiny_course, "--folder", "c", "--call", "true")
    assert done.returncode == 0, done.stdout + done.stderr
    for line in (
        "ok  settings",
        "ok  prompts",
        "ok  leaks",
        "ok  teacher",
        "ok  endpoint",
        "ok  chat template",
        "ok  memory",
    ):
        assert line in done.stdout, line
    assert "ok  training of rationales: its config is understood" in done.stdout
    assert "of them learnt (green)" in done.stdout


ONE_ARM = ("--arms", '{"rationales": {"rendering": "students.RationaleThenAnswer", "target": "rationale"}}')
"""Of every arm the training command reads the settings, in a process of its own."""


@pytest.mark.slow
def test_doctor_names_what_is_wrong_and_goes_on(tutelage, tiny_course):
    hosted = '{"class_path": "teachers.OpenAIBackend", "init_args": {"model": "no-such-model"}}'
    wrong = ("--teacher", hosted, "--exam.init_args.part", "training", "--budget.dollars", "1")
    done = tutelage("doctor", "--config", tiny_course, "--folder", "c", *ONE_ARM, *wrong, OPENAI_API_KEY="")
    assert done.returncode == 2
    assert "OPENAI_API_KEY" in done.stdout
    assert "fail  price" in done.stdout
    assert "prompts are exam questions" in done.stdout
    assert "ok  chat template" in done.stdout
    assert "checks failed: leaks, teacher, price" in done.stderr
    assert not (tutelage.folder / "c").exists()


@pytest.mark.slow
def test_doctor_never_shows_a_key(tutelage, tiny_course):
    hosted = '{"class_path": "teachers.OpenAIBackend", "init_args": {"model": "gpt-5-mini"}}'
    course = ("--config", tiny_course, "--folder", "c", *ONE_ARM, "--teacher", hosted)
    done = tutelage("doctor", *course, OPENAI_API_KEY="sk-secret-123")
    assert "the key in OPENAI_API_KEY is set" in done.stdout
    assert "sk-secret" not in done.stdout + done.stderr
