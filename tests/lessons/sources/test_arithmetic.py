from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lessons.errors import ConfigError
from lessons.sources.arithmetic import ArithmeticSource, carries


def test_prompts_are_distinct_deterministic_and_right() -> None:
    prompts = list(ArithmeticSource(size=400).prompts())
    assert prompts == list(ArithmeticSource(size=400).prompts())
    assert len({p.id for p in prompts}) == 400
    for prompt in prompts:
        a, b = map(int, prompt.id.split("+"))
        assert prompt.reference == str(a + b)
        assert prompt.question == f"{a}+{b}=?"


@given(st.integers(0, 99), st.integers(0, 99))
def test_training_and_exam_never_meet(one: int, other: int) -> None:
    training = {frozenset(p.id.split("+")) for p in ArithmeticSource(size=60, digits=2, seed=one).prompts()}
    exam = {frozenset(p.id.split("+")) for p in ArithmeticSource(size=60, digits=2, part="exam", seed=other).prompts()}
    assert not training & exam


@given(st.integers(0, 10**9), st.integers(0, 10**9))
def test_carries_equal_the_digit_sum_identity(a: int, b: int) -> None:
    def digit_sum(n: int) -> int:
        return sum(map(int, str(n)))

    assert carries(a, b) * 9 == digit_sum(a) + digit_sum(b) - digit_sum(a + b)  # Kummer, base ten


def test_impossible_requests_say_what_is_allowed() -> None:
    with pytest.raises(ConfigError, match=r"only \d+ different exam questions of 1 to 1 digits, but size=400"):
        list(ArithmeticSource(size=400, digits=1, part="exam").prompts())
    with pytest.raises(ConfigError, match=r"digits=12; allowed are size >= 1 and 1 <= fewest_digits <= digits <= 9"):
        list(ArithmeticSource(size=5, digits=12).prompts())
