from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from lessons.records import Message
from lessons.sources.arithmetic import carries
from teachers.backend import Request, Sampling
from teachers.programs.addition import SLIPS_ONE_IN, answer, effort, worked_solution

ADDEND = st.integers(0, 10**9 - 1)


def ask(text: str, sample: int = 0) -> str:
    return answer(Request(messages=(Message("user", text),), sampling=Sampling(), sample=sample))


@given(ADDEND, ADDEND)
def test_worked_solution_is_right_in_every_column(a: int, b: int) -> None:
    text = worked_solution(a, b)
    assert text.endswith(f"Answer: {a + b}")
    carry = 0
    for x, y, c, total in re.findall(r"(\d)\+(\d)\+(\d)=(\d+)", text):
        assert int(c) == carry
        assert int(x) + int(y) + int(c) == int(total)
        carry = int(total) // 10


@given(ADDEND, ADDEND)
def test_a_slip_is_wrong_exactly_when_there_is_a_carry_to_forget(a: int, b: int) -> None:
    # The last carry out of the top column is forgotten too: 5+5 becomes 0.
    wrong = int(worked_solution(a, b, slip=True).rpartition(" ")[2]) != a + b
    assert wrong == (carries(a, b) > 0)


def test_slips_as_often_as_announced_and_heals_when_asked_again() -> None:
    pairs = [(a, b) for a in range(50, 100) for b in range(50, 100)]
    first = [ask(f"{a}+{b}=?").endswith(f"Answer: {a + b}") for a, b in pairs]
    assert 0.5 / SLIPS_ONE_IN < first.count(False) / len(pairs) < 1.5 / SLIPS_ONE_IN
    slipped = pairs[first.index(False)]
    assert ask(f"{slipped[0]}+{slipped[1]}=?", sample=1).endswith(f"Answer: {sum(slipped)}")
    assert ask("99+99=?", sample=3) == ask("99+99=?", sample=3)


def test_difficulty_label_counts_columns_and_carries() -> None:
    assert effort(999, 1) == 6
    assert ask("999+1=?\nEnd with a line Difficulty: N").endswith("Difficulty: 6")


def test_a_question_of_another_kind_gets_no_answer() -> None:
    assert "Answer:" not in ask("What is the capital of France?")
