"""How often the student passes some of the plan's own questions, and how much its tries at them differ."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from lessons.errors import ConfigError
from lessons.grading import Grader
from lightning_modules.data.collate import Batch
from lightning_modules.data.data_module import CurriculumDataModule
from lightning_modules.measures.base import Figures, Floats, Ints, Measure, chosen_lessons, drawn_of
from lightning_modules.measures.trained import TrainedLessons
from lightning_modules.supervised import SupervisedModule
from students.decoding import Generation
from students.exam import sit
from students.ranks import Ranks

__all__ = ["PassRates", "variation"]


class PassRates(Measure):
    """Share of right answers to the questions of some lessons, answered by the student as it is.

    Figures: "pass_rate" of each probed lesson and, with two samples or more, its "variation": (1 + 1/(4n)) sigma / mu
    over the n returns, sigma being the population's, 0 where all are equal. It is the reward of PAPRIKA's bandit
    (Tajwar et al. 2025, arXiv:2502.17543). A return there is the number of turns a try took, a failure counting as the
    most turns allowed; with `turns` a right answer counts 1 and a wrong one `turns`, else the return is the score, for
    which a seldom solved question varies most. Metric: "pass_rate", the mean over the lessons.

    Args:
        grader: Who marks.
        size: Lessons to probe; of every group where `by` is given.
        by: A signal of the plan that names groups, such as topics: each is probed alike.
        samples: Answers a question; more than one needs a temperature above 0.
        generation: How answers are generated; None for greedy ones of up to 256 tokens.
        seed: Decides which lessons.
        recent: Probe lessons that were trained since the last feedback, in place of the same sample every time. A
            bandit then hears of the groups that it chose only, so that the others stay unknown.
        turns: What a wrong answer counts in the variation where a right one counts 1, above 1; None for the scores.
    """

    def __init__(
        self,
        grader: Grader,
        size: int = 16,
        by: str | None = None,
        samples: int = 1,
        generation: Generation | None = None,
        seed: int = 0,
        recent: bool = False,
        turns: float | None = None,
    ) -> None:
        self.grader = grader
        self.size = size
        self.by = by
        self.samples = samples
        self.generation = generation
        self.seed = seed
        self.recent = recent
        self.turns = turns
        self.measured = 0

    def prepare(self, data: CurriculumDataModule) -> None:
        """Choose the lessons, unless the recent ones are probed.

        Raises:
            ConfigError: A wrong answer would count no more than a right one.
        """
        if self.turns is not None and not self.turns > 1:
            raise ConfigError(
                f"PassRates got turns={self.turns}; allowed are numbers above 1, what a wrong answer counts where a "
                "right one counts 1, or none. Correct `turns`."
            )
        self.data = data
        self.labels = None if self.by is None else data.signal_values(self.by)
        self.trained = TrainedLessons(data)
        self.fixed = chosen_lessons(data, self.size, self.by, self.seed)

    def note(self, module: SupervisedModule, batch: Batch) -> None:
        """Remember what was trained."""
        if self.recent:
            self.trained.note(batch)

    def measure(self, module: SupervisedModule) -> Figures:
        """Let the student answer; every process asks its share."""
        places = self.places()
        prompts = [lesson.prompt for lesson in self.data.lessons_of_plan.at(places)]
        ranks = Ranks.here()
        mine = slice(ranks.rank, None, ranks.world_size)
        attempts = sit(
            module.student, prompts[mine], self.grader, self.generation, self.data.rendering, samples=self.samples
        )
        marks = np.zeros((len(places), self.samples, 2))  # right or not, and the score
        found = [(a.grade.correct, a.grade.score) if a.grade else (False, 0.0) for a in attempts]
        marks[mine] = np.array(found, np.float64).reshape(-1, self.samples, 2)
        if ranks.world_size > 1:
            ranks.add_up(torch.from_numpy(marks))
        rates = marks[:, :, 0].mean(axis=1)
        figures = {"pass_rate": rates}
        if self.samples > 1:
            figures["variation"] = variation(marks[:, :, 1], self.turns)
        metrics = {"pass_rate": float(rates.mean())} if len(rates) else {}  # lessons of no group are not probed
        return Figures(metrics, places, figures)

    def places(self) -> Ints:
        """Return the lessons to probe now, as rising positions in the lesson set."""
        if not self.recent:
            return self.fixed
        self.measured += 1
        generator = np.random.default_rng([self.seed, self.size, self.measured])
        return drawn_of(self.trained.take(), self.labels, self.size, generator)

    def state_dict(self) -> dict[str, Any]:
        """Return what was trained since the last feedback, and how many there were."""
        return {"measured": self.measured, **self.trained.state_dict()} if self.recent else {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from it."""
        if self.recent:
            self.measured = state["measured"]
            self.trained.load_state_dict(state)


def variation(scores: Floats, turns: float | None = None) -> Floats:
    """Return (1 + 1/(4n)) sigma / mu of every lesson's n returns, [lessons]; 0 where they are all equal.

    Args:
        scores: Scores of each lesson's tries in [0, 1], [lessons, n].
        turns: What a score of 0 counts where a score of 1 counts 1; None for the scores themselves.

    >>> variation(np.array([[0.9, 0.1, 0.7, 0.3, 0.5]])).round(4).tolist()
    [0.594]
    """
    returns = scores if turns is None else 1 + (turns - 1) * (1 - scores)
    spread, mean = returns.std(axis=1), returns.mean(axis=1)
    small_sample = 1 + 1 / (4 * returns.shape[1])
    ratio: Floats = small_sample * np.divide(spread, mean, out=np.zeros(len(returns)), where=spread > 0)
    return ratio
