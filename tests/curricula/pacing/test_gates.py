from __future__ import annotations

import pytest

from curricula.feedback import Feedback
from curricula.pacing import Gate
from lessons.errors import ConfigError


def stages(gate: Gate, figures: list[float], name: str = "loss") -> list[int]:
    state, made = gate.start(), []
    for update, figure in enumerate(figures):
        state = gate.hear(state, Feedback(update, {name: figure}))
        made.append(gate.stage(0.0, state))
    return made


def test_a_threshold_opens_one_stage_at_a_time() -> None:
    assert stages(Gate([0.1, 0.5, 1.0], threshold=0.5), [1.0, 0.5, 0.6, 0.4, 0.1]) == [0, 1, 1, 2, 2]
    gate = Gate([0.1, 1.0], "accuracy", threshold=0.8, better="higher")
    assert stages(gate, [0.5, 0.79, 0.8], "accuracy") == [0, 0, 1]
    assert gate.share(0.0, {"stage": 1, "best": None, "waited": 0}) == 1.0


def test_a_plateau_opens_after_patience_and_every_stage_starts_anew() -> None:
    gate = Gate([0.1, 0.5, 1.0], patience=2, least_gain=0.1)
    assert stages(gate, [1.0, 0.8, 0.75, 0.71, 5.0, 5.0, 4.95]) == [0, 0, 0, 1, 1, 1, 2]


def test_time_opens_at_the_latest() -> None:
    gate = Gate([0.1, 0.5, 1.0], threshold=0.0, at_latest=[0.3, 0.6])
    assert [gate.stage(t, gate.start()) for t in (0.0, 0.3, 0.59, 0.6)] == [0, 1, 1, 2]


@pytest.mark.parametrize(
    ("gate", "message"),
    [
        (Gate([0.5, 1.0]), r"threshold=None, patience=None and at_latest=None, so it would never open"),
        (Gate([0.5, 1.0], threshold=1, at_latest=[]), r"2 shares and at_latest=\[\]; at least one share"),
        (Gate([0.5, 1.0], threshold=1, better="up"), r"better='up'; allowed are 'lower' and 'higher'"),  # type: ignore[arg-type]
        (Gate([0.5, 2.0], threshold=1), r"Gate got shares=2\.0; allowed are numbers from 0 to 1"),
    ],
)
def test_gates_that_cannot_work_are_refused(gate: Gate, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        gate.start()
