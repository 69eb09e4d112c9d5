from __future__ import annotations

import pytest

from lessons.errors import TrainingCollapsed
from lightning_modules.preferences.preference_guard import FallGuard


def see(guard: FallGuard, falls: list[float], first: int = 1) -> None:
    for update, fall in enumerate(falls, start=first):
        guard.see(fall, update)


def test_a_fall_that_lasts_stops_training_and_one_that_does_not_does_not() -> None:
    guard = FallGuard(0.5)
    see(guard, [0.0] * 10 + [2.0] + [0.0] * 10)  # a spike counts a tenth
    with pytest.raises(
        TrainingCollapsed, match=r"Stopped at update 2\d: .* at most 0\.5 is allowed .* supervised_weight"
    ):
        see(guard, [0.8] * 18, first=22)


def test_the_first_updates_count_as_much_as_later_ones() -> None:
    with pytest.raises(TrainingCollapsed, match=r"Stopped at update 1: .* less likely, by 0\.6 nats a token"):
        FallGuard(0.5).see(0.6, 1)
    FallGuard(None).see(1e9, 1)
    FallGuard(0.5).see(-3.0, 1)


def test_it_goes_on_from_its_state() -> None:
    whole, first, second = (FallGuard(9.0) for _ in range(3))
    falls = [0.5, 1.0, -0.25, 2.0]
    see(whole, falls)
    see(first, falls[:2])
    second.load_state_dict(first.state_dict())
    see(second, falls[2:])
    assert second.state_dict() == whole.state_dict()
