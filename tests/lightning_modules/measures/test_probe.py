from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from lightning_modules import ProbeErrors, ProbeLosses
from students import RationaleThenAnswer
from students.signals import ErrorNorm

Run = Callable[..., Any]


def test_probe_errors_are_those_of_the_signal_for_every_lesson(run: Run) -> None:
    watch, module, student = run(ProbeErrors(tokens_per_batch=200), 2)
    figures = watch.found[-1]
    assert figures.places.tolist() == list(range(21))  # all of them
    expected = ErrorNorm(student, RationaleThenAnswer()).values(module.lessons_of_plan)
    assert figures.lessons["error_norm"].tolist() == pytest.approx(expected.tolist(), rel=1e-5)
    assert figures.metrics["probe_error_norm"] == pytest.approx(float(expected.mean()), rel=1e-5)
    assert figures.lessons["error_norm"].max() < np.sqrt(2)
    assert watch.found[0].metrics["probe_error_norm"] > figures.metrics["probe_error_norm"]


def test_all_lessons_can_be_probed_for_their_losses(run: Run) -> None:
    watch, _, _ = run(ProbeLosses(size=None), 1)
    assert len(watch.found[-1].places) == 21
