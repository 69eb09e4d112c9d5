from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from teachers.near_duplicates import NearDuplicates, fingerprint, tokens

TOM = "Tom has 3 apples and buys 5 more. How many apples does Tom have now?"


def repeats(one: str, other: str) -> bool:
    known = NearDuplicates()
    known.add(one)
    return known.nearest(other) == one


@pytest.mark.parametrize(
    "other",
    [TOM, TOM.upper(), TOM.replace(". ", ".\n"), TOM.replace(" now?", "?"), TOM.replace("How many", "So how many")],
)
def test_the_same_question_in_almost_the_same_words_is_found(other: str) -> None:
    assert repeats(TOM, other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (TOM, TOM.replace("5", "6")),
        (TOM, "Ann reads 3 books a week. In how many weeks does she read 5 books?"),
        ("Is every square a rectangle?", "Is every rectangle a square?"),
        ("12+34=?", "12*34=?"),
        ("12+34=?", "34-12=?"),
        ("2的平方是多少", "2的立方根是多少呢"),
    ],
)
def test_other_numbers_words_or_orders_make_other_questions(one: str, other: str) -> None:
    assert not repeats(one, other)


def test_scripts_without_spaces_are_compared_sign_by_sign() -> None:
    assert repeats("小明有三个苹果又买了五个现在有几个苹果", "小明有三个苹果又买了五个现在一共有几个苹果")
    assert len(tokens("小明有3个")) == 5


@given(st.lists(st.text(alphabet="ab12 ", max_size=12), max_size=8), st.text(alphabet="ab12 ", max_size=12))
def test_looking_at_a_few_pairs_finds_what_comparing_with_all_finds(known: list[str], new: str) -> None:
    index = NearDuplicates(0.5)
    for text in known:
        index.add(text)
    numbers, pairs = fingerprint(new)
    alike = [
        text
        for text in known
        for its_numbers, its_pairs in [fingerprint(text)]
        if pairs and numbers == its_numbers and len(pairs & its_pairs) >= 0.5 * len(pairs | its_pairs)
    ]
    assert index.nearest(new) == (alike[0] if alike else None)
