from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lessons.errors import ConfigError
from lessons.records import Message, Prompt
from teachers.annotators import HintAnnotator, ParseProblem
from teachers.backend import Completion

PROMPT = Prompt("p", (Message("user", "17+25=?"),), reference="42")


def completion(text: str) -> Completion:
    return Completion(text, "stop", 1, 1, "m")


def test_hints_become_data_from_the_faintest_to_the_strongest() -> None:
    fields = HintAnnotator(hints=2).parse(completion("Hint 1: Look at the ones.\n**Hint 2:** Carry."), PROMPT)
    assert fields.data == {"hints": ["Look at the ones.", "Carry."]}
    assert fields.text == "Look at the ones.\nCarry."


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("Carry.", 'no "Hint 1: ..."'),
        ("Hint 1: Carry.", 'no "Hint 2: ..."'),
        ("Hint 2: a\nHint 1: b", "order Hint 1, Hint 2"),
        ("Hint 1:\nHint 2: b", 'nothing follows "Hint 1:"'),
    ],
)
def test_other_forms_are_problems_with_a_reason(text: str, reason: str) -> None:
    with pytest.raises(ParseProblem, match=reason):
        HintAnnotator(hints=2).parse(completion(text), PROMPT)


@given(st.text() | st.text("Hint 12:\n*"))
def test_nothing_but_the_documented_error_is_raised(text: str) -> None:
    try:
        fields = HintAnnotator().parse(completion(text), PROMPT)
    except ParseProblem:
        return
    assert fields.text


def test_the_template_asks_for_as_many_as_are_wanted() -> None:
    one = HintAnnotator().build(PROMPT)[-1].content
    three = HintAnnotator(hints=3).build(PROMPT)[-1].content
    assert one.endswith("Hint 1: <the hint>")
    assert three.endswith("Hint 1: <the faintest hint>\nHint 2: <a stronger hint>\nHint 3: <the strongest hint>")
    assert "right answer" not in one
    assert "The right answer is 42." in HintAnnotator(show_reference=True).build(PROMPT)[-1].content


def test_a_ladder_of_which_one_hint_tells_is_not_trusted(answering: Any) -> None:
    asking, seen = answering(["Hint 1: Carry.\nHint 2: It is 42.", "never asked"], PROMPT)
    (found,) = asyncio.run(HintAnnotator(hints=2).annotate(asking))
    assert str(found.problem).startswith("gives the answer away: ")
    assert len(seen) == 1
    asking, _ = answering(["Hint 1: Carry.\nHint 2: Now the tens."], PROMPT)
    (found,) = asyncio.run(HintAnnotator(hints=2).annotate(asking))
    assert found.trusted


def test_a_senseless_number_is_refused() -> None:
    with pytest.raises(ConfigError, match="hints is 0; it must be from 1 to 9"):
        HintAnnotator(hints=0).check(None)
