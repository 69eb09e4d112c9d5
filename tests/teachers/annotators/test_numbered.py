from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from teachers.annotators import ParseProblem
from teachers.annotators.numbered import numbered, numbered_list, steps_of


@pytest.mark.parametrize(
    ("text", "items"),
    [
        ("1. Add.\n2. Carry.", ["Add.", "Carry."]),
        ("  1) Add.\n\n  2) Carry\n     the one.", ["Add.", "Carry\n     the one."]),
        ("**Step 1:** Add.\nStep 2: Carry.", ["Add.", "Carry."]),
        ("- 1. Add.\n- 2. Carry.", ["Add.", "Carry."]),
        ("1. Add.\n7. is a lucky number\n2. Carry.", ["Add.\n7. is a lucky number", "Carry."]),
        ("1. Take 1.5 litres.", ["Take 1.5 litres."]),
    ],
)
def test_lists_are_read(text: str, items: list[str]) -> None:
    assert numbered_list(text) == items


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("Add, then carry.", 'no numbered list that starts with "1."'),
        ("2. Carry.", 'starts with "1."'),
        ("Sure!\n1. Add.", "text before the numbered list: 'Sure!'"),
        ("1. Add.\n2.\n3. Carry.", "item 2 of the list is empty"),
    ],
)
def test_other_texts_are_problems_with_a_reason(text: str, reason: str) -> None:
    with pytest.raises(ParseProblem, match=reason):
        numbered_list(text)


@given(st.lists(st.text("ab c=4", min_size=1).filter(str.strip), min_size=1, max_size=12))
def test_what_is_written_is_read_again(items: list[str]) -> None:
    items = [item.strip() for item in items]
    assert numbered_list(numbered(items)) == items


def test_a_solution_without_numbers_is_cut_at_its_lines() -> None:
    assert steps_of("Add.\n\n  Carry.  ") == ["Add.", "Carry."]
    assert steps_of("1. Add.\n2. Carry.\nand go on") == ["Add.", "Carry.\nand go on"]
