from __future__ import annotations

import pytest

from lessons.errors import DataError
from lessons.records import Message, Prompt
from lessons.sources import unique


def prompt(name: str, question: str = "?") -> Prompt:
    return Prompt(name, (Message("user", question),))


def test_repeats_are_dropped_in_order() -> None:
    assert [p.id for p in unique([prompt("b"), prompt("a"), prompt("b"), prompt("a")])] == ["b", "a"]


def test_it_streams() -> None:
    assert next(unique(prompt(str(k)) for k in iter(int, 1))) == prompt("0")


def test_one_id_for_two_prompts() -> None:
    with pytest.raises(DataError, match=r"have the id 'a': the 1. and the 3. \(which asks 'other'\).*columns.id"):
        list(unique([prompt("a"), prompt("b"), prompt("a", "other")]))
