from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lessons.errors import ConfigError
from lessons.records import Message, Prompt
from teachers.annotators import DifficultyAnnotator, ParseProblem
from teachers.backend import Completion

PROMPT = Prompt("p", (Message("user", "2+2?"),))


def completion(text: str) -> Completion:
    return Completion(text, "stop", 1, 1, "m")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("Easy.\nDifficulty: 1", 0.0),
        ("Hard.\nDifficulty: 10", 1.0),
        ("**Difficulty:** 4", 3 / 9),
        ("difficulty : 4/10.", 3 / 9),
        ("Difficulty: 9\nI mean\nDifficulty: **4**", 3 / 9),
        ("Difficulty: 4.0", 3 / 9),
    ],
)
def test_labels_become_values_from_0_to_1(text: str, value: float) -> None:
    assert DifficultyAnnotator().parse(completion(text), PROMPT).value == pytest.approx(value)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("Quite hard.", 'no line "Difficulty: ..."'),
        ("Difficulty: 0", "the difficulty '0' is not a whole number from 1 to 10"),
        ("Difficulty: 11", "not a whole number from 1 to 10"),
        ("Difficulty: 4.5", "not a whole number"),
        ("Difficulty: three", "the difficulty 'three'"),
        ("Difficulty: 3 or 4", "not a whole number"),
    ],
)
def test_other_labels_are_problems_with_a_reason(text: str, reason: str) -> None:
    with pytest.raises(ParseProblem, match=reason):
        DifficultyAnnotator().parse(completion(text), PROMPT)


@given(st.text() | st.text(alphabet="Difficulty: 0123456789/.*\n"))
def test_nothing_but_the_documented_error_is_raised(text: str) -> None:
    try:
        fields = DifficultyAnnotator().parse(completion(text), PROMPT)
    except ParseProblem:
        return
    assert fields.value is not None
    assert 0 <= fields.value <= 1


def test_one_vote_is_one_ask(answering: Any) -> None:
    asking, seen = answering(["Hard.\nDifficulty: 10"], PROMPT)
    (found,) = asyncio.run(DifficultyAnnotator().annotate(asking))
    assert (found.value, found.answer, dict(found.data), len(seen)) == (1.0, "10", {}, 1)


def test_the_value_of_several_votes_is_their_mean_and_their_agreement_is_told(answering: Any) -> None:
    asking, seen = answering(["a\nDifficulty: 1", "b\nDifficulty: 4", "c\nDifficulty: 10"], PROMPT)
    (found,) = asyncio.run(DifficultyAnnotator(votes=3, temperature=0.7).annotate(asking))
    assert found.value == pytest.approx((0 + 3 / 9 + 1) / 3)
    assert found.data["votes"] == [0.0, 3 / 9, 1.0]
    assert found.data["agreement"] == pytest.approx(1 - (3 / 9 + 1 + 6 / 9) / 3)
    assert (found.text, found.answer, found.sample) == ("b", "4", 0)
    assert found.provenance.request_key == "key2"
    assert (found.provenance.input_tokens, found.provenance.cost_dollars) == (30, 0.75)
    assert [request.sample for request in seen] == [0, 1, 2]


def test_unreadable_votes_do_not_count_and_too_many_of_them_are_a_problem(answering: Any) -> None:
    annotator = DifficultyAnnotator(votes=2, temperature=None, repairs=0)
    asking, _ = answering(["Difficulty: 1", "easy"], PROMPT)
    (found,) = asyncio.run(annotator.annotate(asking))
    assert (found.value, found.problem, found.data) == (0.0, None, {"votes": [0.0], "agreement": None})
    asking, _ = answering(["easy", "easy"], PROMPT)
    (found,) = asyncio.run(annotator.annotate(asking))
    assert found.value is None
    assert found.problem == 'only 0 of 2 votes could be read; the first says: no line "Difficulty: ..."'


@pytest.mark.parametrize(("votes", "temperature"), [(0, 0.7), (3, 0.0)])
def test_senseless_votes_are_refused(votes: int, temperature: float) -> None:
    with pytest.raises(ConfigError, match=rf"votes of DifficultyAnnotator is {votes} with temperature {temperature}"):
        DifficultyAnnotator(votes=votes, temperature=temperature).check(None)


def test_the_reference_is_only_shown_where_allowed() -> None:
    prompt = Prompt("p", (Message("user", "2+2?"),), reference="4")
    hidden = DifficultyAnnotator().build(prompt)[-1].content
    assert "right answer" not in hidden
    shown = DifficultyAnnotator(show_reference=True).build(prompt)[-1].content
    assert shown.replace("\n\nThe right answer is 4.", "") == hidden
