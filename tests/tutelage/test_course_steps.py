from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from lessons import ArithmeticSource, NumberGrader
from students import AnswerOnly, FourBit, LoRA, Pretrained, Student, Weights
from tutelage.course import Arm, Course
from tutelage.course_steps import round_config, student_after_round


def course(weights: Weights) -> Course:
    return Course(
        folder="runs/x",
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
