from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

import tutelage.course_steps
import tutelage.planning
from lessons import ArithmeticSource, NumberGrader
from lessons.errors import ConfigError
from students import Adapted, AnswerOnly, FourBit, LoRA, Pretrained, RandomWeights, Student, Weights
from tests.in_this_process import train_here
from tutelage.course import Arm, Course, Training
from tutelage.course_steps import (
    exam_step,
    plan_step,
    pool_step,
    prompts_step,
    round_config,
    student_after_round,
    train_step,
)
from tutelage.steps import Step, run_step


def course(weights: Weights, folder: str = "runs/x", **training: Any) -> Course:
    return Course(
        folder=folder,
        training=Training(**training),
        prompts=ArithmeticSource(5),
        exam=ArithmeticSource(5, part="exam"),
        grader=NumberGrader(),
        student=Student(weights, LoRA(rank=4)),
        arms={"answers": Arm(AnswerOnly())},
    )


@pytest.mark.parametrize("four_bit", [False, True])
def test_a_later_round_starts_from_the_exported_student_held_as_the_first(four_bit: bool) -> None:
    source = Pretrained("nowhere")
    made = course(FourBit(source, double_quantisation=False) if four_bit else source)
    config: Any = round_config(made, 1, "answers", Path("there"))
    weights = config["model"]["init_args"]["student"]["init_args"]["weights"]
    if four_bit:
        assert weights["class_path"].endswith("FourBit")
        assert weights["init_args"]["double_quantisation"] is False
        weights = weights["init_args"]["source"]
    assert weights["class_path"].endswith("Pretrained")
    assert weights["init_args"]["name_or_path"] == "there/round-000/answers/student"


def test_the_exam_is_sat_by_what_was_exported() -> None:
    made = course(FourBit(Pretrained("nowhere")))
    examined = student_after_round(made, 0, "answers").weights
    assert isinstance(examined, Pretrained)
    assert Path(examined.name_or_path) == made.round_folder(0) / "answers" / "student"


def train(made: Course) -> Step:
    """Do what comes before the training of the only arm, then that; return its step."""
    made.check()
    for step in (exam_step(made), pool_step(made), prompts_step(made, 0), plan_step(made, 0, "answers")):
        run_step(step)
    step = train_step(made, 0, "answers")
    assert run_step(step)
    return step


@pytest.mark.slow
def test_an_adapter_is_learnt_on_top_of_another_and_used_without_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Prereq-Tune: one course leaves its adapter alone, a second one learns on top of it."""
    monkeypatch.setattr(tutelage.course_steps, "run_training", train_here)
    monkeypatch.setattr(tutelage.planning, "draw", lambda curriculum, signals, path, title: path.touch())
    bare = RandomWeights(hidden_size=16, layers=1, heads=2)
    settings = {"adapter_folder": "adapter", "trainer": {"accelerator": "cpu", "enable_progress_bar": False}}
    first = train(course(bare, str(tmp_path / "knowledge"), **settings))
    knowledge = first.folder / "adapter"
    assert knowledge in first.outputs
    assert not run_step(first)
    second = train(course(Adapted(bare, [str(knowledge)]), str(tmp_path / "skill"), **settings))
    both, above, alone, below = (
        weights.load(torch.float32).model.state_dict()
        for weights in (
            Pretrained(str(second.folder / "student")),
            Adapted(bare, [str(knowledge)]),
            Adapted(bare, [str(second.folder / "adapter")]),
            bare,
        )
    )
    for name in both:
        torch.testing.assert_close(both[name] - above[name], alone[name] - below[name], rtol=0, atol=1e-6)
    assert any(not torch.equal(both[name], above[name]) for name in both)
    assert any(not torch.equal(above[name], below[name]) for name in both)


@pytest.mark.parametrize("folder", ["student", "logs", "../adapter", ""])
def test_an_adapter_goes_into_a_folder_of_its_own(folder: str) -> None:
    with pytest.raises(ConfigError, match=f"training.adapter_folder '{folder}'.*none of student.*Call it: adapter"):
        course(Pretrained("nowhere"), adapter_folder=folder).check()


def test_a_student_without_an_adapter_leaves_none() -> None:
    made = course(Pretrained("nowhere"), adapter_folder="adapter")
    with pytest.raises(ConfigError, match=r"but the student has no adapter.*Needed is student.adapter.*leave out"):
        replace(made, student=Student(Pretrained("nowhere"))).check()
    assert "export" not in round_config(course(Pretrained("nowhere")), 0, "answers", Path())
