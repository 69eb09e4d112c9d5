from __future__ import annotations

import pytest

from lessons.errors import ConfigError
from lightning_modules import HiddenCosine, HiddenDistance, HiddenSimilarity


def test_blocks_are_paired_as_told_or_at_the_same_share_of_the_depth() -> None:
    assert HiddenDistance().pairs(4, 12) == [(3, 11)]
    assert HiddenDistance(student_layers=[1, 2, 4]).pairs(4, 12) == [(0, 2), (1, 5), (3, 11)]
    assert HiddenDistance(student_layers=[1, -1], teacher_layers=[2, -3]).pairs(4, 12) == [(0, 1), (3, 9)]
    assert HiddenDistance(student_layers=[1, 2, 3]).pairs(3, 3) == [(0, 0), (1, 1), (2, 2)]


def test_a_student_deeper_than_its_teacher_has_blocks_to_compare() -> None:
    pairs = HiddenCosine(student_layers=[1, 2, 3, 4]).pairs(4, 2)
    assert pairs == [(0, 0), (1, 0), (2, 0), (3, 1)]


@pytest.mark.parametrize(
    ("feature", "message"),
    [
        (HiddenDistance(weight=0.0), r"HiddenDistance got weight=0.0. Allowed are values above 0. Correct"),
        (HiddenCosine(student_layers=[]), r"student_layers=\[\] and teacher_layers=None. Needed is one block of"),
        (HiddenSimilarity(teacher_layers=[1]), r"student_layers=None and teacher_layers=\[1\]. Needed is one block"),
        (HiddenDistance(student_layers=[1], teacher_layers=[1, 2]), r"Correct `student_layers` and `teacher_layers`"),
    ],
)
def test_settings_that_no_model_could_meet_are_refused(feature: HiddenDistance, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        feature.check()


@pytest.mark.parametrize("layer", [0, 5, -5])
def test_blocks_that_do_not_exist_are_refused(layer: int) -> None:
    with pytest.raises(ConfigError, match=rf"asks for block {layer} of the student, which has 4. Allowed are 1 to 4"):
        HiddenDistance(student_layers=[layer]).pairs(4, 4)
    with pytest.raises(ConfigError, match=rf"block {layer} of the teacher.*Correct `teacher_layers`"):
        HiddenDistance(student_layers=[1], teacher_layers=[layer]).pairs(4, 4)
