from __future__ import annotations

from itertools import combinations, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lightning_modules.data.token_budget import Sizes, cut_evenly, cut_within

lessons = st.lists(st.tuples(st.integers(1, 60), st.integers(1, 3)), min_size=1, max_size=8).map(sorted)


def sizes_of(found: list[tuple[int, int]]) -> Sizes:
    return Sizes.of([length for length, _ in found], [rows for _, rows in found])


def padded(found: list[tuple[int, int]], borders: tuple[int, ...]) -> list[int]:
    """Tokens of every piece, by hand."""
    edges = [0, *borders, len(found)]
    pieces = [found[a:b] for a, b in pairwise(edges)]
    return [max((length for length, _ in p), default=0) * sum(rows for _, rows in p) for p in pieces]


@given(lessons, st.integers(1, 5))
def test_no_other_cut_has_a_smaller_largest_piece(found: list[tuple[int, int]], pieces: int) -> None:
    cut = cut_evenly(sizes_of(found), pieces)
    assert len(cut.borders) == pieces - 1
    mine = padded(found, tuple(cut.borders))
    assert max(mine) <= cut.tokens
    every = (
        max(padded(found, borders))
        for count in range(min(pieces, len(found)))
        for borders in combinations(range(1, len(found)), count)
    )
    assert cut.tokens == min(every)
    assert sum(tokens > 0 for tokens in mine) == min(pieces, len(found))


@given(lessons, st.integers(1, 200))
def test_no_other_cut_within_a_budget_has_fewer_pieces(found: list[tuple[int, int]], tokens: int) -> None:
    alone = padded(found, tuple(range(1, len(found))))
    mine = padded(found, tuple(cut_within(sizes_of(found), tokens)))
    if max(alone) > tokens:
        assert max(mine) == max(alone) or max(mine) <= tokens
        return
    assert max(mine) <= tokens
    fitting = (
        count + 1
        for count in range(len(found))
        for borders in combinations(range(1, len(found)), count)
        if max(padded(found, borders)) <= tokens
    )
    assert len(mine) == next(fitting)


@pytest.mark.parametrize("pieces", [1, 3])
def test_nothing_is_cut_into_nothing(pieces: int) -> None:
    assert cut_evenly(Sizes.of([], []), pieces) == ([0] * (pieces - 1), 0)
