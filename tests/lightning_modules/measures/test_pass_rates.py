from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from lessons.errors import ConfigError
from lessons.grading import Grader
from lessons.records import Grade, Prompt
from lightning_modules import PassRates
from lightning_modules.measures.pass_rates import variation
from students import Generation, sit

Run = Callable[..., Any]
DRAWN = Generation(max_new_tokens=3, temperature=1.0)


class LongAnswers(Grader):
    """Marks right what has two characters or more, with a score by length."""

    name = "long/1"

    def grade(self, text: str, prompt: Prompt) -> Grade:
        return Grade(len(text) > 1, min(1.0, len(text) / 3), text, self.name)


def test_pass_rates_and_variation_are_those_of_an_exam(run: Run) -> None:
    watch, module, student = run(PassRates(LongAnswers(), 5, samples=3, generation=DRAWN), 1)
    figures = watch.found[-1]
    prompts = [lesson.prompt for lesson in module.lessons_of_plan.at(figures.places)]
    grades = [a.grade for a in sit(student, prompts, LongAnswers(), DRAWN, samples=3)]
    right = np.array([g.correct for g in grades if g]).reshape(5, 3).mean(axis=1)
    assert figures.lessons["pass_rate"].tolist() == right.tolist()
    assert figures.metrics == {"pass_rate": float(right.mean())}
    scores = np.array([g.score for g in grades if g]).reshape(5, 3)
    assert figures.lessons["variation"].tolist() == pytest.approx(variation(scores).tolist())


def test_one_sample_has_no_variation(run: Run) -> None:
    watch, _, _ = run(PassRates(LongAnswers(), 3, generation=DRAWN), 1)
    assert list(watch.found[-1].lessons) == ["pass_rate"]


@given(arrays(np.float64, (3, 5), elements=st.floats(0, 1)), st.none() | st.floats(1.01, 20))
def test_the_variation_is_the_formula(scores: np.ndarray, turns: float | None) -> None:
    for row, found in zip(scores, variation(scores, turns), strict=True):
        returns = [x if turns is None else x + turns * (1 - x) for x in row]
        mean = sum(returns) / 5
        deviation = (sum((x - mean) ** 2 for x in returns) / 5) ** 0.5
        assert found == pytest.approx((1 + 1 / 20) * deviation / mean if mean > 1e-300 else 0, abs=1e-6)


def test_the_variation_of_worked_tries() -> None:
    """Population deviation 0.2828 over mean 0.5 is 0.566, as written out for these five scores elsewhere."""
    assert variation(np.array([[0.9, 0.1, 0.7, 0.3, 0.5]]))[0] / 1.05 == pytest.approx(0.566, abs=5e-4)
    hopeless, even, sure = variation(np.array([[0.0] * 4, [0.0, 1.0] * 2, [1.0] * 4]))
    assert hopeless == sure == 0 < even
    seldom = np.array([[1.0] + [0.0] * 7])
    assert variation(seldom)[0] > 2.5  # by scores, what is seldom solved varies most
    assert variation(seldom, turns=8)[0] < 0.4  # by turns, it is nearly as sure to fail as the hopeless


def test_recent_lessons_are_those_trained_since_the_last_feedback(run: Run) -> None:
    watch, module, _ = run(PassRates(LongAnswers(), size=100, recent=True, generation=DRAWN), 3)
    for figures, seen in zip(watch.found, watch.seen, strict=True):
        assert {module.lessons_of_plan.ids[place] for place in figures.places} == set(seen)
        assert (np.diff(figures.places) > 0).all()


def test_no_more_recent_lessons_than_asked_for_and_others_every_time(run: Run) -> None:
    watch, module, _ = run(PassRates(LongAnswers(), size=3, recent=True, generation=DRAWN), 3)
    for figures, seen in zip(watch.found, watch.seen, strict=True):
        assert len(figures.places) == 3
        assert {module.lessons_of_plan.ids[place] for place in figures.places} <= set(seen)


def test_what_was_trained_between_two_feedbacks_survives_a_checkpoint(run: Run) -> None:
    measure = PassRates(LongAnswers(), size=100, recent=True, generation=DRAWN)
    run(measure, 2)
    measure.trained.visits[[1, 4]] = 2
    other = PassRates(LongAnswers(), size=100, recent=True, generation=DRAWN)
    other.data, other.labels, other.trained = measure.data, None, type(measure.trained)(measure.data)
    other.load_state_dict(measure.state_dict())
    assert other.measured == 2
    assert other.places().tolist() == np.sort(measure.trained.places[[1, 4]]).tolist() == measure.places().tolist()
    assert PassRates(LongAnswers()).state_dict() == {}


def test_a_wrong_answer_must_count_more_turns_than_a_right_one(run: Run) -> None:
    with pytest.raises(ConfigError, match=r"PassRates got turns=1; allowed are numbers above 1.*Correct `turns`"):
        run(PassRates(LongAnswers(), turns=1), 1)


def test_nothing_is_asked_where_no_lesson_may_be_probed(run: Run) -> None:
    measure = PassRates(LongAnswers(), 4, samples=2, recent=True, generation=DRAWN)
    watch, module, _ = run(measure, 1)
    measure.trained.visits[:] = 1
    measure.labels = np.full(len(module.lessons_of_plan), np.nan)  # all belong to no group
    figures = measure.measure(module.trainer.lightning_module)
    assert watch.found[0].metrics
    assert figures.metrics == {}
    assert [len(values) for values in figures.lessons.values()] == [0, 0]
