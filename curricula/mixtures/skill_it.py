"""Skills in the proportions that their losses call for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from curricula.arrays import Scores
from curricula.feedback import Feedback
from curricula.groups import Groups
from curricula.mixtures.base import Draw, Mixture, Moment, even_weights
from curricula.mixtures.groups import draw_from_groups, present_shares
from curricula.pool import Pool
from curricula.state import State
from lessons.errors import ConfigError, DataError

__all__ = ["SkillIt", "skill_graph"]


class SkillIt(Mixture):
    """Draws from skills by the losses of the skills they help: Skill-It (Chen et al. 2023, arXiv:2307.14430).

    p_1,i is proportional to exp(eta sum_j A_ij), and after every feedback
    p_t+1,i to exp(eta_t sum over the last w feedbacks sum_j A_ij L_j). A_ij > 0 says that lessons of skill i help with
    skill j; A_ii is 1. It gains nothing where the graph is empty or complete: the losses then move all skills alike.

    Args:
        by: Name of the signal of groups: the skills.
        graph: For a skill, the skills that its lessons help with, and how much.
        figure: The loss by skill in the student's feedback.
        rate: eta.
        window: w: how many of the last feedbacks count.
        target: Only the losses of these skills count; None counts all.
        relative: Divide every loss by the first one heard of that skill.
        scaled: eta_t = eta * (sum of first losses) / (sum of losses now): steps grow as the losses fall.
    """

    hears = True

    def __init__(
        self,
        by: str,
        graph: Mapping[str, Mapping[str, float]],
        figure: str = "loss",
        rate: float = 0.5,
        window: int = 3,
        target: Sequence[str] | None = None,
        relative: bool = False,
        scaled: bool = False,
    ) -> None:
        self.by = by
        self.graph = graph
        self.figure = figure
        self.rate = rate
        self.window = window
        self.target = target
        self.relative = relative
        self.scaled = scaled

    def start(self, pool: Pool) -> State:
        """Return the first shares."""
        if not (self.rate > 0 and self.window >= 1):
            raise ConfigError(
                f"SkillIt got rate={self.rate} and window={self.window}; the rate must be above 0, the window at least "
                "1. Correct them."
            )
        groups = pool.groups(self.by)
        logits = self.rate * self.matrix(groups).sum(axis=1)
        return {"losses": np.empty((0, len(groups))), "first": None, "shares": self.softmax(groups, logits)}

    def hear(self, pool: Pool, state: State, feedback: Feedback) -> State:
        """Move the shares.

        Raises:
            DataError: A skill that counts has no loss.
        """
        groups = pool.groups(self.by)
        matrix = self.matrix(groups)
        heard = feedback.by_group(self.figure, groups)
        absent = np.flatnonzero(np.isnan(heard) & matrix.any(axis=0))
        if len(absent):
            raise DataError(
                f"The feedback of update {feedback.update} has no {self.figure!r} for the skill "
                f"{groups.labels[absent[0]]!r} of {self.by!r}, which SkillIt needs; it has them for "
                f"{int((~np.isnan(heard)).sum())} of {len(groups)}. Evaluate every skill, or name those that are in "
                "`target`."
            )
        heard = np.nan_to_num(heard)
        first = heard if state["first"] is None else state["first"]
        losses = np.vstack([state["losses"], heard])[-self.window :]
        counted = losses / np.where(first > 0, first, 1.0) if self.relative else losses
        rate = self.rate * (first.sum() / heard.sum() if self.scaled and heard.sum() > 0 else 1.0)
        return {
            "losses": losses,
            "first": first,
            "shares": self.softmax(groups, rate * (counted @ matrix.T).sum(axis=0)),
        }

    def draw(self, pool: Pool, state: State, moment: Moment) -> Draw:
        """Draw from the skills."""
        return even_weights(draw_from_groups(pool.groups(self.by), state["shares"], moment.count, moment.generator()))

    def matrix(self, groups: Groups) -> Scores:
        """Return A, float64 [skills that teach, skills that are tested]."""
        groups.vector(dict.fromkeys(self.graph, 0.0), "SkillIt's `graph`", default=0.0)
        rows = [groups.vector(self.graph.get(label, {}), "SkillIt's `graph`", default=0.0) for label in groups.labels]
        matrix = np.array(rows)
        np.fill_diagonal(matrix, np.where(np.diag(matrix) > 0, np.diag(matrix), 1.0))
        if self.target is not None:
            matrix *= groups.vector(dict.fromkeys(self.target, 1.0), "SkillIt's `target`", default=0.0)
        return matrix

    def softmax(self, groups: Groups, logits: Scores) -> Scores:
        """Return shares in proportion to exp(logit), over the skills that have lessons."""
        present = groups.sizes > 0
        return present_shares(groups, np.where(present, np.exp(logits - logits[present].max()), 0.0), self.by)


def skill_graph(
    alone: Mapping[str, float], together: Mapping[str, Mapping[str, float]], worth: float = 0.5
) -> dict[str, dict[str, float]]:
    """Return the skills that each skill helps with, out of short trial runs, for SkillIt's `graph`.

    Skill i helps with skill j if training on both gives a lower loss on j than as long a training on j alone.

    Args:
        alone: Loss on a skill after training on it alone.
        together: together[i][j]: loss on skill j after training on i and j.
        worth: What an edge counts; the authors' code has 0.5.

    >>> skill_graph({"add": 1.0, "carry": 2.0}, {"add": {"carry": 1.5}, "carry": {"add": 1.0}})
    {'add': {'carry': 0.5}, 'carry': {}}
    """
    return {
        helper: {helped: worth for helped, loss in losses.items() if helped != helper and loss < alone[helped]}
        for helper, losses in together.items()
    }
