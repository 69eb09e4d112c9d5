from __future__ import annotations

import math

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


def test_a_stage_that_time_has_opened_starts_anew() -> None:
    """Against the rule written out update by update: time may open a stage between two feedbacks."""
    gate = Gate([0.1, 0.4, 0.7, 1.0], threshold=0.2, patience=2, at_latest=[0.3, 0.6, 0.9])
    losses = [0.9, 0.95, 0.5, 0.8, 0.1, 0.6, 0.7, 0.8, 0.9, 0.1]
    state, stage, best, waited, made, expected = gate.start(), 0, math.inf, 0, [], []
    for update, loss in enumerate(losses):
        opened = sum(update / 10 >= moment for moment in (0.3, 0.6, 0.9))
        if opened > stage:
            stage, best, waited = opened, math.inf, 0
        best, waited = (loss, 0) if loss < best else (best, waited + 1)
        if stage < 3 and (loss <= 0.2 or waited >= 2):
            stage, best, waited = stage + 1, math.inf, 0
        expected.append(stage)
        state = gate.hear(state, Feedback(update, {"loss": loss}, progress=update / 10))
        made.append(gate.stage(update / 10, state))
    assert made == expected == [0, 0, 0, 1, 2, 2, 2, 3, 3, 3]


def test_what_was_best_in_an_earlier_stage_keeps_no_later_one_waiting() -> None:
    """Time opens stage 1 at 0.5; the best of stage 0, 0.1, must not make 1.0 and 0.9 count as two vain attempts."""
    gate = Gate([0.1, 0.5, 1.0], patience=2, at_latest=[0.5, 1.0])
    state = gate.hear(gate.start(), Feedback(4, {"loss": 0.1}, progress=0.4))
    for update, loss in ((5, 1.0), (6, 0.9), (7, 0.8)):
        state = gate.hear(state, Feedback(update, {"loss": loss}, progress=update / 10))
        assert gate.stage(update / 10, state) == 1


@pytest.mark.parametrize("at_latest", [[0.6, 0.3], [0.3, 0.3], [-0.1, 0.5], [0.5, 1.5]])
def test_moments_that_do_not_rise_are_refused(at_latest: list[float]) -> None:
    with pytest.raises(ConfigError, match=r"Gate got at_latest=.*; allowed are rising shares of the run"):
        Gate([0.1, 0.5, 1.0], at_latest=at_latest).start()
