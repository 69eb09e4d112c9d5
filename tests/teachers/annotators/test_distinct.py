from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lessons.records import Annotation, Provenance
from teachers.annotators.distinct import essence, without_repeats


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("First 2 + 2 = 4.", "Adding gives 2+2=4!"),
        ("6 \u00d7 7 = 42", "6*7=42"),
        ("It costs $3 + $4 = $7.", "3+4=7"),
        ("1,000 + 1 = 1,001", "1000+1=1001"),
        ("Paris,\nof course.", "paris of course"),
    ],
)
def test_the_same_calculations_or_words_are_the_same_solution(one: str, other: str) -> None:
    assert essence(one) == essence(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("2+2=4, 4*3=12", "4*3=12, 2+2=4"),
        ("2+2=4", "2+2=4, 4*3=12"),
        ("3+1=4", "2+2=4"),
        ("Paris.", "London."),
    ],
)
def test_other_calculations_or_words_are_another(one: str, other: str) -> None:
    assert essence(one) != essence(other)


@given(st.text())
def test_any_text_has_an_essence(text: str) -> None:
    assert isinstance(essence(text), tuple)


def test_a_repetition_is_marked_and_says_of_which_sample() -> None:
    source = Provenance("t", "m", "rationale/1", "k")
    texts = ["2+2=4", "so 2 + 2 = 4", "4 is twice 2"]
    found = without_repeats([Annotation("p", "rationale", k, text, source) for k, text in enumerate(texts)])
    assert [a.trusted for a in found] == [True, False, True]
    assert (found[1].problem, found[1].data) == ("says the same as sample 0", {"repeats": 0})
    assert without_repeats(found) == found


def test_what_is_not_trusted_is_no_measure_for_others() -> None:
    source = Provenance("t", "m", "rationale/1", "k")
    cut = Annotation("p", "rationale", 0, "2+2=4", source, problem="cut off")
    whole = Annotation("p", "rationale", 1, "2+2=4", source)
    assert without_repeats([cut, whole]) == [cut, whole]
