from __future__ import annotations

from concurrent.futures import Future

from hypothesis import given
from hypothesis import strategies as st

from lessons.records import Message
from teachers.backend import Request
from teachers.local.request_batches import Group, Row, choose


def group(length: int, samples: int = 1, scores: bool = False) -> Group:
    request = Request((Message("user", "x"),))
    continuation = [1] if scores else None
    return Group([Row(request, [1] * (length - scores), Future(), continuation) for _ in range(samples)])


groups = st.lists(st.builds(group, st.integers(1, 50), st.integers(1, 5), st.booleans()), min_size=1, max_size=40)


def rows(batch: list[Group]) -> int:
    return sum(len(group.rows) for group in batch)


@given(groups, st.integers(1, 12))
def test_every_batch_serves_the_longest_waiting_and_fits(waiting: list[Group], most_rows: int) -> None:
    left = list(waiting)
    served = 0
    while left:
        batch = choose(left, most_rows)
        assert left[0] in batch
        assert rows(batch) <= most_rows or len(batch) == 1
        assert len({group.scores for group in batch}) == 1
        assert len(batch) == len(set(map(id, batch)))
        left = [group for group in left if group not in batch]
        served += len(batch)
    assert served == len(waiting)


@given(st.lists(st.integers(1, 500), min_size=1, max_size=60), st.integers(1, 10))
def test_a_batch_is_neighbours_in_length_and_as_full_as_can_be(lengths: list[int], most_rows: int) -> None:
    waiting = [group(length) for length in lengths]
    batch = choose(waiting, most_rows)
    assert len(batch) == min(most_rows, len(waiting))
    found = sorted(group.length for group in batch)
    ordered = sorted(lengths)
    assert any(ordered[k : k + len(found)] == found for k in range(len(ordered)))


def test_batches_of_a_hundred_are_those_of_the_sorted_whole() -> None:
    """Nobody arrives in between: all batches together pad no more than sorting everything first does."""
    waiting = [group(37 * k % 101) for k in range(1, 101)]
    batches = []
    while waiting:
        batches.append(choose(waiting, 10))
        waiting = [group for group in waiting if group not in batches[-1]]
    padding = sum(max(g.length for g in batch) - group.length for batch in batches for group in batch)
    assert len(batches) == 10
    assert padding == 10 * sum(range(10))
