from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from lessons.pairings.base import Candidate, across


@given(st.integers(0, 6), st.integers(0, 6))
def test_every_pair_comes_once_and_no_text_twice_before_all_others(better: int, worse: int) -> None:
    sides = [[Candidate(f"{name}{k}", 0.0) for k in range(count)] for name, count in (("+", better), ("-", worse))]
    found = [(pair.chosen.text, pair.rejected.text) for pair in across(*sides)]
    assert len(found) == len(set(found)) == better * worse
    assert [chosen for chosen, _ in found[:better]] == ([f"+{k}" for k in range(better)] if worse else [])
