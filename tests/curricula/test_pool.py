from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from curricula.pool import Pool
from lessons.errors import DataError

Make = Callable[..., Pool]


def test_a_part_of_a_pool_sees_only_its_lessons(make_pool: Make) -> None:
    part = make_pool(score=[0.1, 0.2, 0.3, 0.4], topic=["a", "b", "a", "c"]).subset(np.array([1, 3]))
    smaller = part.subset(np.array([1]))
    assert part.ids.tolist() == ["p1", "p3"]
    assert part.values("score").tolist() == [0.2, 0.4]
    assert part.groups("topic").labels == ("a", "b", "c")
    assert part.groups("topic").sizes.tolist() == [0, 1, 1]
    assert (smaller.ids.tolist(), smaller.rows.tolist()) == (["p3"], [3])
    assert part.places_of(np.array([3, 0, 1, 2])).tolist() == [1, -1, 0, -1]


def test_unknown_columns_are_named_with_those_there_are(make_pool: Make) -> None:
    with pytest.raises(DataError, match=r"no signal 'loss'; there are: score\. Choose"):
        make_pool(score=[0.1]).values("loss")


def test_what_is_kept_is_made_anew_only_for_another_key(make_pool: Make) -> None:
    pool, made = make_pool(score=[0.1]), []
    for key in (1, 1, 2, 2):
        pool.once("slot", key, lambda key=key: made.append(key))  # type: ignore[misc]
    assert made == [1, 2]
