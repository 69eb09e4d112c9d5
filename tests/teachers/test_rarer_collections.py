"""The collector's thresholds during a run, and after it."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from teachers.rarer_collections import ALLOCATIONS, rarer_collections


@pytest.fixture(autouse=True)
def thresholds() -> Iterator[None]:
    before = gc.get_threshold()
    yield
    gc.set_threshold(*before)


@pytest.mark.parametrize(("given", "inside"), [(700, ALLOCATIONS), (ALLOCATIONS * 2, ALLOCATIONS * 2), (0, 0)])
def test_only_a_lower_threshold_is_raised_and_all_come_back(given: int, inside: int) -> None:
    gc.set_threshold(given, 7, 9)
    with rarer_collections():
        assert gc.get_threshold() == (inside, 7, 9)
    assert gc.get_threshold() == (given, 7, 9)


def test_they_come_back_after_an_error_too() -> None:
    before = gc.get_threshold()
    with pytest.raises(ZeroDivisionError), rarer_collections():
        _ = 1 / 0
    assert gc.get_threshold() == before
