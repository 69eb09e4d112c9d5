"""Groups weighed anew by how much is left to learn in each."""

from __future__ import annotations

from typing import Literal

import numpy as np

from curricula.feedback import Feedback
from curricula.mixtures.base import Draw, Mixture, Moment, even_weights
from curricula.mixtures.groups import draw_from_groups, present_shares
from curricula.pool import Pool
from curricula.state import State
from lessons.errors import ConfigError, DataError

__all__ = ["GroupGap"]


class GroupGap(Mixture):
    """Multiplies every group's weight by its gap at each feedback: Diversify and Conquer (Yu et al. 2024).

    w_j <- w_j s_j / sum(s), and lessons are drawn in proportion to w (arXiv:2409.11378; the update is our reading). s_j
    is the mean difference between the reward of the right answer and of the student's own, or any figure by group that
    is large where much is left to learn. A group that was not measured keeps its weight beside the mean of the others.

    Args:
        by: Name of the signal of groups; there, clusters of the questions.
        figure: Name of the figure by group in the student's feedback, 0 or more.
        opposite: Take 1 - figure, for an accuracy or a pass rate.
        start_with: "proportional" to the lessons of each group, or "equal" shares.
        floor: Share of the draws that goes to all groups as at the start, so that none dies out, in [0, 1].
    """

    hears = True

    def __init__(
        self,
        by: str,
        figure: str = "gap",
        opposite: bool = False,
        start_with: Literal["proportional", "equal"] = "proportional",
        floor: float = 0.0,
    ) -> None:
        self.by = by
        self.figure = figure
        self.opposite = opposite
        self.start_with = start_with
        self.floor = floor

    def start(self, pool: Pool) -> State:
        """Return the first shares."""
        if not 0 <= self.floor <= 1 or self.start_with not in ("proportional", "equal"):
            raise ConfigError(
                f"GroupGap got floor={self.floor} and start_with={self.start_with!r}; the floor must lie in [0, 1], "
                "start_with be 'proportional' or 'equal'. Correct them."
            )
        groups = pool.groups(self.by)
        weights = groups.sizes if self.start_with == "proportional" else groups.sizes > 0
        shares = present_shares(groups, weights.astype(np.float64), self.by)
        return {"first": shares, "shares": shares}

    def hear(self, pool: Pool, state: State, feedback: Feedback) -> State:
        """Multiply.

        Raises:
            DataError: A figure is below 0, or no group has any gap left.
        """
        groups = pool.groups(self.by)
        heard = feedback.by_group(self.figure, groups)
        gaps = 1 - heard if self.opposite else heard
        known = ~np.isnan(gaps)
        weights = state["shares"] * np.where(known, gaps, gaps[known].mean() if known.any() else 1.0)
        if (weights < 0).any() or not weights.sum() > 0:
            raise DataError(
                f"The feedback of update {feedback.update} gives the groups of {self.by!r} gaps from "
                f"{gaps[known].min():g} to {gaps[known].max():g}; none may be below 0, and one must be above. Measure "
                "another figure, or stop: nothing is left to learn."
            )
        return {"first": state["first"], "shares": weights / weights.sum()}

    def draw(self, pool: Pool, state: State, moment: Moment) -> Draw:
        """Draw in proportion to the weights."""
        shares = self.floor * state["first"] + (1 - self.floor) * state["shares"]
        return even_weights(draw_from_groups(pool.groups(self.by), shares, moment.count, moment.generator()))
