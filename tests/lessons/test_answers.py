from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lessons.answers import final_answer, split_answer

LINE = st.text(st.characters(blacklist_categories=("Cc", "Cs", "Zl", "Zp")), max_size=20)


@pytest.mark.parametrize(
    ("text", "rationale", "answer"),
    [
        ("3 + 4 = 7\nAnswer: 7", "3 + 4 = 7", "7"),
        ("first\nanswer: 3\nthen\nANSWER: 4.", "first\nanswer: 3\nthen", "4"),
        ("**Answer:** 4", "", "4"),
        ("**Answer**: 4", "", "4"),
        ("**Answer: 4**", "", "4"),
        ("so\n> Final answer : 4", "so", "4"),
        ("### Answer: 4", "", "4"),
        ("Answer:\n1 2\n3 4\n", "", "1 2\n3 4"),
        ("Answer:", "", ""),
        ("The answer: 4", "The answer: 4", None),
        ("Answers: 4", "Answers: 4", None),
        ("", "", None),
    ],
)
def test_split(text: str, rationale: str, answer: str | None) -> None:
    assert split_answer(text) == (rationale, answer)


@pytest.mark.parametrize(
    ("text", "answer"), [(" Paris. ", "Paris"), ("Wait...", "Wait..."), ("x\nAnswer: 3.5.", "3.5")]
)
def test_the_final_answer_loses_one_full_stop(text: str, answer: str) -> None:
    assert final_answer(text) == answer


@given(LINE, st.from_regex(r"[A-Za-z0-9/ -]*[A-Za-z0-9]", fullmatch=True))
def test_what_a_rendering_writes_is_read_back(rationale: str, answer: str) -> None:
    if split_answer(rationale)[1] is None:
        assert split_answer(f"{rationale}\nAnswer: {answer}") == (rationale.strip(), answer.strip())


@given(st.text())
def test_any_text_has_a_final_answer(text: str) -> None:
    rationale, answer = split_answer(text)
    assert rationale in text
    assert answer is None or answer in text
    assert final_answer(text) in text
