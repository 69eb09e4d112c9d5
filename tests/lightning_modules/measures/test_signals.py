from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from lightning_modules import ProbeAngles, ProbeNuclearNorms
from students import RationaleThenAnswer
from students.signals import AngleConcentration, NuclearNorm

Run = Callable[..., Any]


def test_the_figures_are_those_of_the_signals_on_the_student_as_it_is(run: Run) -> None:
    watch, module, student = run(ProbeNuclearNorms(tokens_per_batch=200), 2)
    first, last = watch.found
    expected = NuclearNorm(student, RationaleThenAnswer()).values(module.lessons_of_plan)
    assert last.places.tolist() == list(range(21))
    assert last.lessons["nuclear_norm"].tolist() == pytest.approx(expected.tolist(), rel=1e-4)
    assert last.metrics["probe_nuclear_norm"] == pytest.approx(float(expected.mean()), rel=1e-4)
    assert first.lessons["nuclear_norm"].tolist() != last.lessons["nuclear_norm"].tolist()


def test_angles_of_a_sample_of_questions(run: Run) -> None:
    watch, module, student = run(ProbeAngles(size=6), 1)
    figures = watch.found[0]
    assert len(figures.places) == 6
    expected = AngleConcentration(student).values(module.lessons_of_plan.subset(figures.places))
    np.testing.assert_allclose(figures.lessons["angle_concentration"], expected, rtol=1e-4)
    assert figures.metrics["probe_angle_concentration"] == pytest.approx(float(np.nanmean(expected)), rel=1e-4)
