from __future__ import annotations

import math
from statistics import NormalDist

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lessons.errors import DataError
from lessons.intervals import effective_answers, wilson


@pytest.mark.parametrize(
    ("correct", "total", "low", "high"),
    [
        # R. G. Newcombe (1998), Statistics in Medicine 17, 857-872, table I, method 3 (Wilson's score)
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0000, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_published_intervals(correct: int, total: int, low: float, high: float) -> None:
    found = wilson(correct, total)
    assert (round(found.low, 4), round(found.high, 4)) == (low, high)


@given(st.integers(1, 10_000), st.floats(0.01, 0.999), st.data())
def test_the_ends_solve_the_defining_equation(total: int, confidence: float, data: st.DataObject) -> None:
    correct = data.draw(st.integers(0, total))
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    found = wilson(correct, total, confidence)
    assert 0 <= found.low <= correct / total <= found.high <= 1
    for end in found:
        assert math.isclose((correct / total - end) ** 2, z * z * end * (1 - end) / total, rel_tol=1e-6, abs_tol=1e-12)


@pytest.mark.parametrize("arguments", [(0, 0, 0.95), (3, 2, 0.95), (-1, 2, 0.95), (1, 2, 1.0), (1, 2, 0.0)])
def test_no_interval(arguments: tuple[int, int, float]) -> None:
    with pytest.raises(DataError, match=r"No interval for .* right of .*at least one answer"):
        wilson(*arguments)


@given(st.lists(st.integers(0, 4), min_size=2, max_size=40), st.integers(1, 6))
def test_answers_count_as_many_as_they_are_or_as_their_questions(rights: list[int], samples: int) -> None:
    """Between N, all answers to a question alike, and N n, each by chance alone: m = p (1 - p) / V."""
    size = len(rights)
    alike = effective_answers([samples * (right > 1) for right in rights], [samples] * size)
    assert alike == pytest.approx(size if samples == 1 or len({right > 1 for right in rights}) == 1 else size - 1)
    answers, total = [4] * size, 4 * size
    share = sum(rights) / total
    rates = [right / 4 for right in rights]
    variance = sum((rate - share) ** 2 for rate in rates) / (size - 1) / size  # of the mean of the questions' rates
    if 0 < share < 1 and variance:
        found = effective_answers(rights, answers)
        assert found == pytest.approx(max(1.0, min(total, share * (1 - share) / variance)))
