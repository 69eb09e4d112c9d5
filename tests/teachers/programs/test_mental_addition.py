from __future__ import annotations

import itertools
import re

from hypothesis import given
from hypothesis import strategies as st

from curricula.signals.equation_list import equations_in
from lessons.records import Message
from teachers.backend import Request, Sampling
from teachers.programs.mental_addition import SLIPS_ONE_IN, answer, solution

ADDEND = st.integers(0, 10**6)


def ask(text: str, sample: int = 0) -> str:
    return answer(Request(messages=(Message("user", text),), sampling=Sampling(), sample=sample))


@given(ADDEND, ADDEND, st.booleans())
def test_every_step_is_right_and_goes_on_from_the_one_before(a: int, b: int, to_round: bool) -> None:
    text = solution(a, b, to_round)
    steps = [tuple(map(int, found)) for found in re.findall(r"(\d+)\+(\d+)=(\d+)", text)]
    assert steps[0][0] == a
    assert all(x + y == total for x, y, total in steps)
    assert all(earlier[2] == later[0] for earlier, later in itertools.pairwise(steps))
    assert equations_in(text) == [f"{x}+{y}={total}" for x, y, total in steps]
    assert steps[-1][2] == a + b
    assert text.endswith(f"\nAnswer: {a + b}")
    assert solution(a, b, to_round, slip=True).endswith(f"\nAnswer: {a + b + 1}")


def test_several_samples_go_several_ways_and_some_are_wrong() -> None:
    ways, wrong = [], 0
    for a in range(23, 63):
        texts = [ask(f"{a}+78=?", sample) for sample in range(16)]
        ways.append(len({tuple(equations_in(text)) for text in texts}))
        wrong += sum(not text.endswith(f"Answer: {a + 78}") for text in texts)
    assert max(ways) == 4
    assert min(ways) >= 2
    assert 0.5 / SLIPS_ONE_IN < wrong / 640 < 1.5 / SLIPS_ONE_IN
    assert ask("47+85=?", 3) == ask("47+85=?", 3)
    assert ask("Hello?") == "I can only add two whole numbers, as in 12+34=?"
