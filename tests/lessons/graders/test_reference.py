from __future__ import annotations

import pytest

from lessons.errors import DataError
from lessons.graders import ExactGrader
from lessons.graders.reference import reference_of, unusable_reference
from lessons.records import Message, Prompt


def test_the_reference_is_returned() -> None:
    assert reference_of(Prompt("p", (Message("user", "?"),), ""), ExactGrader()) == ""


def test_no_reference() -> None:
    with pytest.raises(DataError, match=r"ExactGrader cannot grade the prompt 'p': .* \(got None\)"):
        reference_of(Prompt("p", (Message("user", "?"),)), ExactGrader())


def test_the_wrong_kind() -> None:
    error = unusable_reference(Prompt("p", (Message("user", "?"),), "x"), ExactGrader(), "a number", "Do this.")
    assert (
        str(error) == "ExactGrader cannot grade the prompt 'p': its reference is 'x', which is not a number. Do this."
    )
