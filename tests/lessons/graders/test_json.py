from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lessons.errors import DataError
from lessons.graders.json import JSONGrader
from lessons.records import Grade, Message, Prompt

VALUES: st.SearchStrategy[Any] = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.text()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


def grade(text: str, reference: str, keys: list[str] | None = None) -> Grade:
    return JSONGrader(keys).grade(text, Prompt("p", (Message("user", "?"),), reference))


@pytest.mark.parametrize(
    ("text", "reference"),
    [
        ('{"b": 2, "a": 1.0}', '{"a": 1, "b": 2}'),
        ('Here you are:\n```json\n{"a": 1}\n```\nBye.', '{"a": 1}'),
        ('I first thought {"a": 2}, but it is {"a": 1} after all', '{"a": 1}'),
        ("Answer: [1, 2]", "[1, 2]"),
        ("{not json} [1, 2] (end)", "[1, 2]"),
    ],
)
def test_right(text: str, reference: str) -> None:
    assert grade(text, reference).correct


@pytest.mark.parametrize(
    ("text", "reference", "score"),
    [
        ('{"a": 1, "b": 3}', '{"a": 1, "b": 2}', 0.5),
        ('{"a": 1, "b": 2, "c": 3}', '{"a": 1, "b": 2}', 0.5),
        ("[2, 1]", "[1, 2]", 0.0),
        ("true", "1", 0.0),
        ('{"a": NaN}', '{"a": 1}', 0.0),
        ("{" * 100_000, "{}", 0.0),
        ("[" * 100_000, "{}", 0.0),
        ("9" * 10_000, "1", 0.0),
        ("1" + "0" * 400, "1", 0.0),
    ],
)
def test_wrong(text: str, reference: str, score: float) -> None:
    found = grade(text, reference)
    assert (found.correct, found.score) == (False, score)


def test_only_some_keys_can_count() -> None:
    assert grade('{"a": 1, "b": 3, "c": 4}', '{"a": 1, "b": 2}', keys=["a"]).correct
    assert grade('{"b": 2}', '{"a": 1, "b": 2}', keys=["a", "b"]).reason == "wrong: a"


@given(VALUES)
def test_every_value_equals_itself(value: Any) -> None:
    assert grade(json.dumps(value), json.dumps(value)).correct


def test_a_reference_that_is_no_json() -> None:
    with pytest.raises(DataError, match="its reference is 'Paris', which is not JSON"):
        grade("{}", "Paris")
