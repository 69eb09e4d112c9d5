from __future__ import annotations

import pytest

from curricula import EasyFirst, Given, WeakTopics
from lessons import ArithmeticSource, NumberGrader
from lessons.errors import ConfigError
from students import AnswerOnly, Pretrained, RationaleThenAnswer, Student
from teachers import RationaleAnnotator, RecordedAnnotations, ScriptedBackend
from tutelage.course import Arm, Course, Training

TEACHER = ScriptedBackend("teachers.programs.addition:answer")


def course(**changes) -> Course:
    settings = {
        "folder": "runs/x",
        "prompts": ArithmeticSource(5),
        "exam": ArithmeticSource(5, part="exam"),
        "grader": NumberGrader(),
        "student": Student(Pretrained("nowhere")),
        "arms": {"answers": Arm(AnswerOnly())},
    }
    return Course(**{**settings, **changes})


def test_a_plain_course_is_fine():
    course().check()
    assert course().followed == "answers"
    assert not course().annotated


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"arms": {}}, "`arms` is empty"),
        ({"arms": {"../up": Arm(AnswerOnly())}}, "cannot be called '../up'"),
        ({"arms": {"teacher": Arm(AnswerOnly())}}, "cannot be called 'teacher'"),
        ({"annotators": [RationaleAnnotator()]}, r"annotators \(RationaleAnnotator\) but no teacher"),
        ({"arms": {"a": Arm(RationaleThenAnswer(), target="rationale")}}, "no annotator or recording makes one"),
        ({"arms": {"a": Arm(AnswerOnly(), ordering=EasyFirst())}}, "order by nothing; its signals are none"),
        ({"arms": {"a": Arm(AnswerOnly(), signals=[Given()], order_by="length")}}, "signals are given_difficulty"),
        ({"arms": {"a": Arm(AnswerOnly(), training={"learning_rate": 1})}}, "training.learning_rate, which does not"),
        ({"follow": "b"}, "follow = 'b' is not an arm"),
        ({"rounds": 0}, "rounds = 0"),
        ({"rounds": 2}, "needs `next_prompts`"),
        ({"rounds": 2, "next_prompts": WeakTopics()}, "`prompts_per_round`"),
        (
            {"teacher": TEACHER, "annotators": [RationaleAnnotator()], "recordings": [RecordedAnnotations("a.jsonl")]},
            "'rationale' would come from 2 annotators or recordings",
        ),
    ],
)
def test_contradictions_are_refused_before_anything_is_spent(changes, message):
    with pytest.raises(ConfigError, match=message):
        course(**changes).check()


def test_an_arm_overrides_single_training_settings():
    arm = Arm(AnswerOnly(), training={"lessons_per_update": 8})
    settings = arm.training_settings(Training(micro_batches=2), "a")
    assert (settings.lessons_per_update, settings.micro_batches) == (8, 2)
