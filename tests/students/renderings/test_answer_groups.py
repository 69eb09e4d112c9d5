from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from lessons.errors import ConfigError, DataError, RenderingError
from lessons.records import Annotation, Attempt, Grade, Lesson, Prompt, Provenance
from lessons.tables import write_annotations, write_attempts
from students import AnswerGroups, Student, TwoTask, preview, render_all
from tests.students.conftest import ask

SOURCE = Provenance("test", "test", "rationale/1", "0" * 64)


def grade(score: float) -> Grade:
    return Grade(score == 1, score, None, "number/1")


def lesson(name: str) -> Lesson:
    return Lesson(name, Prompt(name, ask(f"{len(name)}+1=?"), reference="2"))


@pytest.fixture
def attempts(tmp_path: Path) -> str:
    """Prompts with mixed, right, wrong, partly right and no answers."""
    groups = {
        "mixed": [("2", 1.0), ("3", 0.0), ("  2 ", 1.0), ("", 0.0)],
        "right": [("2", 1.0), ("is 2", 1.0)],
        "wrong": [("4", 0.0), ("5", 0.25)],
    }
    rows = [
        Attempt(name, "student", text, sample=k, grade=grade(score), truncated=text == "3")
        for name, found in groups.items()
        for k, (text, score) in reversed(list(enumerate(found)))
    ]
    write_attempts(tmp_path / "attempts.parquet", rows)
    return str(tmp_path / "attempts.parquet")


def texts(rendering: AnswerGroups, name: str = "mixed") -> list[tuple[str, Any]]:
    return [(exercise.answer, exercise.reward) for exercise in rendering.exercises(lesson(name))]


def test_a_group_is_every_answer_with_its_reward_in_order_of_the_samples(attempts: str) -> None:
    assert texts(AnswerGroups(attempts)) == [("2", 1.0), ("3", 0.0), ("  2 ", 1.0)]  # the empty one teaches nothing
    assert texts(AnswerGroups(attempts, answers_per_question=2)) == [("2", 1.0), ("3", 0.0)]
    assert texts(AnswerGroups(attempts, distinct=True)) == [("2", 1.0), ("3", 0.0)]
    assert texts(AnswerGroups(attempts, right_only=True, distinct=True)) == [("2", 1.0)]
    assert texts(AnswerGroups(attempts, reward="score"), "wrong") == [("4", 0.0), ("5", 0.25)]


def test_an_answer_that_was_cut_off_does_not_teach_to_stop_there(tiny_student: Student, attempts: str) -> None:
    whole, cut, _ = AnswerGroups(attempts).render(lesson("mixed"), tiny_student.encoder)
    learnt = [[(s.text, s.weight) for s in preview(e, tiny_student.tokenizer)] for e in (whole, cut)]
    asked = "<|begin|><|user|>5+1=?<|end|><|assistant|>"
    assert learnt == [[(asked, 0.0), ("2<|end|>", 1.0)], [(asked, 0.0), ("3", 1.0), ("<|end|>", 0.0)]]
    assert (whole.reward, cut.reward) == (1.0, 0.0)


def test_groups_with_nothing_to_compare_are_left_out_and_counted(
    tiny_student: Student, attempts: str, caplog: pytest.LogCaptureFixture
) -> None:
    lessons = [lesson(name) for name in ("mixed", "right", "wrong", "none")]
    with caplog.at_level("INFO", logger="students"):
        rendered = render_all(AnswerGroups(attempts), lessons, tiny_student.encoder)
    assert list(rendered.examples) == ["mixed"]
    assert {name: reason.split(",")[0] for name, reason in rendered.left_out.items()} == {
        "right": "all their answers are right",
        "wrong": "all their answers are wrong",
        "none": f"they have no answers in {attempts}",
    }
    assert "1 of 4 lessons are left out: all their answers are right, so there is nothing to compare" in caplog.text
    kept = render_all(AnswerGroups(attempts, one_sided="keep"), lessons, tiny_student.encoder)
    assert list(kept.examples) == ["mixed", "right", "wrong"]
    scored = render_all(AnswerGroups(attempts, reward="score"), lessons, tiny_student.encoder)
    assert list(scored.examples) == ["mixed", "wrong"]  # 0 and a quarter differ
    right = render_all(AnswerGroups(attempts, right_only=True), lessons, tiny_student.encoder)
    assert list(right.examples) == ["mixed", "right"]
    assert right.left_out["wrong"] == "none of their answers is right"


def test_nothing_but_one_sided_groups_is_an_error(tiny_student: Student, attempts: str) -> None:
    with pytest.raises(
        RenderingError, match=r"2 were given, 1 because all their answers are right.*, 1 because they have"
    ):
        render_all(AnswerGroups(attempts), [lesson("right"), lesson("none")], tiny_student.encoder)


def test_graded_annotations_are_answers_too(tmp_path: Path) -> None:
    rows = [
        Annotation("p", "rationale", 1, "1+1 is 3.", SOURCE, answer="3", grade=grade(0.0)),
        Annotation("p", "rationale", 0, "1+1 is 2.", SOURCE, answer="2", grade=grade(1.0)),
        Annotation("p", "rationale", 2, "garbled", SOURCE, problem="no answer"),
        Annotation("p", "hint", 0, "count", SOURCE),
    ]
    write_annotations(tmp_path / "lessons.parquet", rows)
    rendering = AnswerGroups(str(tmp_path / "lessons.parquet"), kind="rationale")
    assert texts(rendering, "p") == [("1+1 is 2.\nAnswer: 2", 1.0), ("1+1 is 3.\nAnswer: 3", 0.0)]
    with pytest.raises(DataError, match=r"'p' in .*lessons.parquet has no grade; losses.*again with a `grader`"):
        AnswerGroups(str(tmp_path / "lessons.parquet"), kind="hint").exercises(lesson("p"))


def test_the_question_is_put_as_when_the_answers_were_written(attempts: str) -> None:
    rendering = AnswerGroups(attempts, rendering=TwoTask(predict_prefix="[p] "))
    prompt = lesson("mixed").prompt
    assert rendering.exam_messages(prompt) == ask("[p] 5+1=?")
    assert {exercise.messages for exercise in rendering.exercises(lesson("mixed"))} == {ask("[p] 5+1=?")}
    assert AnswerGroups(attempts).exam_messages(prompt) == prompt.messages


def test_a_number_of_answers_that_cannot_be(attempts: str) -> None:
    with pytest.raises(ConfigError, match=r"answers_per_question=0; allowed are whole numbers from 1.*Correct it"):
        AnswerGroups(attempts, answers_per_question=0).exercises(lesson("mixed"))
