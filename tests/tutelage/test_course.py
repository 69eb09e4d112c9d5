from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from curricula import EasyFirst, Given, WeakTopics
from lessons import ArithmeticSource, NumberGrader
from lessons.errors import ConfigError
from students import AnswerOnly, Pretrained, RationaleThenAnswer, Scorer, Student
from teachers import RationaleAnnotator, RecordedAnnotations, ScriptedBackend
from tutelage.command_line import make_parser
from tutelage.commands.course import course as course_command
from tutelage.course import Arm, Course, Training
from tutelage.course_steps import round_config
from tutelage.logits_step import logits_step
from tutelage.settings import build
from tutelage.stored_logits import StoredLogits

STORED = StoredLogits(Student(Pretrained("nowhere")))
DISTILLED = {"class_path": "lightning_modules.LogitDistillation"}
TEACHER_OF = {"teacher": {"class_path": "students.LogitStore", "init_args": {"path": "elsewhere"}}}
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
        ({"student": Scorer(Pretrained("nowhere"))}, "is a Scorer.*writes no text.*with `tutelage train`"),
        ({"arms": {"../up": Arm(AnswerOnly())}}, "cannot be called '../up'"),
        ({"arms": {"teacher": Arm(AnswerOnly())}}, "cannot be called 'teacher'"),
        ({"annotators": [RationaleAnnotator()]}, r"annotators \(RationaleAnnotator\) but no teacher"),
        ({"arms": {"a": Arm(RationaleThenAnswer(), target="rationale")}}, "no annotator or recording makes one"),
        ({"arms": {"a": Arm(AnswerOnly(), ordering=EasyFirst())}}, "order by nothing; its signals are none"),
        ({"arms": {"a": Arm(AnswerOnly(), signals=[Given()], order_by="length")}}, "signals are given_difficulty"),
        ({"arms": {"a": Arm(AnswerOnly(), training={"learning_rate": 1})}}, "training.learning_rate, which does not"),
        (
            {"arms": {"a": Arm(AnswerOnly(), logits=STORED)}},
            "logits of nowhere are to be stored for the arm 'a', but its module learns from texts alone.*Correct train",
        ),
        (
            {
                "arms": {
                    "a": Arm(AnswerOnly(), logits=STORED, training={"module": DISTILLED | {"init_args": TEACHER_OF}})
                }
            },
            "but its module has a `teacher` of its own. Needed is a module that learns from logits",
        ),
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


PARTS = {
    "optimizer": {"class_path": "torch.optim.SGD", "init_args": {"lr": 0.1}},
    "schedule": {"class_path": "torch.optim.lr_scheduler.StepLR", "init_args": {"step_size": 3}},
    "module": {"init_args": {}},
}


@pytest.mark.parametrize("place", ["course", "arm"])
def test_parts_that_training_builds_reach_it_as_they_were_given(tmp_path: Path, place: str):
    """Nothing is filled in: a scheduler of torch would come back with `optimizer: null`, and training refuse it."""
    lines = {
        "folder": str(tmp_path / "course"),
        "prompts": {"class_path": "lessons.ArithmeticSource", "init_args": {"size": 5}},
        "exam": {"class_path": "lessons.ArithmeticSource", "init_args": {"size": 5, "part": "exam"}},
        "grader": "lessons.NumberGrader",
        "student": {"weights": "students.RandomWeights"},
        "arms": {"a": {"rendering": "students.AnswerOnly", "training": PARTS if place == "arm" else {}}},
        "training": PARTS if place == "course" else {},
    }
    (tmp_path / "course.yaml").write_text(yaml.safe_dump(lines))
    parser = make_parser(course_command, "tutelage course")
    settings = parser.parse_args(["--config", str(tmp_path / "course.yaml")])
    built = vars(parser.instantiate(settings, instantiators=[(build, object, True)]))
    built.pop("config")
    config = round_config(Course(**built), 0, "a", tmp_path)
    model = config["model"]["init_args"]
    assert {name: model[name] for name in ("optimizer", "schedule")} == {
        name: PARTS[name] for name in ("optimizer", "schedule")
    }


def test_arms_with_the_same_lessons_and_teacher_share_one_store_in_the_folder_of_the_first():
    settings = {"target": "rationale", "training": {"module": DISTILLED}}
    made = course(
        arms={
            "plain": Arm(AnswerOnly()),
            "one": Arm(RationaleThenAnswer(), logits=STORED, **settings),
            "two": Arm(RationaleThenAnswer(), logits=STORED, passes=3, **settings),
            "other": Arm(AnswerOnly(), logits=STORED, **settings),
        }
    )
    paths = {}
    for name in made.arms:
        module = round_config(made, 1, name, Path("root"))["model"]["init_args"]
        paths[name] = module.get("teacher", {}).get("init_args", {}).get("path")
    assert paths == {
        "plain": None,
        "one": "root/round-001/one/logits",
        "two": "root/round-001/one/logits",
        "other": "root/round-001/other/logits",
    }
    assert [name for name in made.arms if logits_step(made, 1, name) is not None] == ["one", "other"]


def test_an_arm_overrides_single_training_settings():
    arm = Arm(AnswerOnly(), training={"lessons_per_update": 8})
    settings = arm.training_settings(Training(micro_batches=2), "a")
    assert (settings.lessons_per_update, settings.micro_batches) == (8, 2)
