"""What preference losses need of every training sequence beside its tokens, and the texts made of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from lessons.errors import ConfigError
from lightning_modules.data.collate import Batch, Weighted
from lightning_modules.data.companion import Companion, Ints
from lightning_modules.data.rendered import Floats, RenderedLessons
from lightning_modules.preferences import PairPreference, Preference, StepTotals, Texts
from students.renderings import CHOSEN, MISMATCHED, REJECTED

__all__ = ["PreferenceCompanion", "sums_by_text"]


class MeanTokens(NamedTuple):
    """Mean weight of a text's tokens, over a whole update."""

    chosen: float
    rejected: float


class PreferenceCompanion(Companion):
    """Brings, for every sequence of a micro-batch: its part, its entry in the plan and that entry's weight, its score,
    and its log-probability under the reference; and for every supervised token its weight in the text.

    Args:
        rendered: All training sequences.
    """

    def __init__(self, rendered: RenderedLessons) -> None:
        self.rendered = rendered
        self.reference: Floats | None = None
        """Log-probability of every sequence under the reference, [sequences]; filled before training where needed."""
        self.exact = False
        """Whether numbers come as float64, for a student that computes so; else as float32."""

    def check(self, preference: Preference) -> None:
        """Refuse lessons that are not rendered as a loss needs them.

        Raises:
            ConfigError: They are not.
        """
        name, parts = type(preference).__name__, self.rendered.part_names
        if not {CHOSEN, REJECTED} <= set(parts):
            raise ConfigError(
                f"{name} compares chosen with rejected texts, but the rendering's parts are {', '.join(parts)}. "
                "Needed are the parts chosen and rejected. Set data.rendering to students.Pairs or students.Contrasts."
            )
        chosen, rejected = (self.rendered.part_sequences[:, self.side(part)] for part in (CHOSEN, REJECTED))
        uneven = int((chosen != rejected).sum())
        if isinstance(preference, PairPreference) and uneven:
            raise ConfigError(
                f"{name} compares pairs, but {uneven} of {len(self.rendered)} lessons have more texts on one side than "
                "on the other. Needed are as many chosen as rejected ones. Set data.rendering to students.Pairs, or "
                "choose a loss on single texts (KTO, UFT, AFT, NPO)."
            )
        if preference.needs_mismatched and MISMATCHED not in parts:
            raise ConfigError(
                f"{name} measures its reference point with texts that answer other questions, and the rendering has "
                f"only {', '.join(parts)}. Needed is students.Contrasts with mismatched: true. Set that, or "
                "reference_point: zero."
            )

    def extras(self, numbers: Ints, sequences: Sequence[Weighted]) -> dict[str, Tensor]:
        """Return the tensors by name; see the class."""
        found = self.rendered
        numerical = {
            "factors": np.array([weighted.factor for weighted in sequences], np.float64),
            "scores": np.full(len(numbers), np.nan) if found.rewards is None else found.rewards[numbers],
            "reference": np.zeros(len(numbers)) if self.reference is None else self.reference[numbers],
            "token_weights": token_weights(sequences),
        }
        starts = found.first_sequence
        firsts = starts[np.searchsorted(starts, numbers)] == numbers  # a plan may name a lesson twice in one update
        kind = torch.float64 if self.exact else torch.float32
        return {
            "parts": torch.from_numpy(found.parts[numbers]),
            "entries": torch.from_numpy(np.cumsum(firsts) - 1),
            **{name: torch.from_numpy(values).to(kind) for name, values in numerical.items()},
        }

    def texts(self, losses: Tensor, batch: Batch, reference_point: float) -> tuple[Texts, Texts]:
        """Add a micro-batch's token losses up to texts: those of its lessons, and those that answer other questions.

        Args:
            losses: Negative log-likelihood of every supervised token, [supervised].
            batch: The micro-batch, with the extras that this companion brought.
            reference_point: How far the student is from the reference.
        """
        brought, usual = batch.extras, self.mean_tokens(batch)
        count = len(brought["parts"])
        chosen, rejected = (brought["parts"] == self.side(part) for part in (CHOSEN, REJECTED))
        every = Texts(
            log_probability=-sums_by_text(losses, brought["token_weights"], batch.sequences, count),
            tokens=sums_by_text(torch.ones_like(losses), brought["token_weights"], batch.sequences, count),
            chosen=chosen,
            lesson=brought["entries"],
            weight=brought["factors"].to(losses),
            score=torch.where(brought["scores"].isnan(), chosen.to(losses), brought["scores"].to(losses)),
            usual_tokens=torch.where(chosen, losses.new_tensor(usual.chosen), losses.new_tensor(usual.rejected)),
            reference_log_probability=brought["reference"].to(losses),
            reference_point=losses.new_tensor(reference_point),
        )
        return every.where(chosen | rejected), every.where(~(chosen | rejected))

    def totals(self, batch: Batch) -> StepTotals:
        """Return what the texts and lessons of a micro-batch's update weigh together."""
        weights = batch.plan.update_sequence_weights
        return StepTotals(weights[self.side(CHOSEN)], weights[self.side(REJECTED)], batch.plan.update_lesson_weight)

    def mean_tokens(self, batch: Batch) -> MeanTokens:
        """Return the mean lengths of the texts of a micro-batch's update; 1 where it has none on a side."""
        weights = batch.plan.update_sequence_weights
        sides = [self.side(part) for part in (CHOSEN, REJECTED)]
        return MeanTokens(*(float(batch.totals[k]) / weights[k] if weights[k] else 1.0 for k in sides))

    def side(self, part: str) -> int:
        """Return the number of a part of the rendering."""
        return self.rendered.part_names.index(part)


def token_weights(sequences: Sequence[Weighted]) -> Floats:
    """Return the weight of every supervised token in its own text, without that of its lesson, [supervised]."""
    if not sequences:
        return np.zeros(1)
    weights = [weighted.sequence.weights[1:] for weighted in sequences]
    return np.concatenate([found[found != 0] for found in weights]).astype(np.float64)


def sums_by_text(values: Tensor, weights: Tensor, sequences: Tensor, texts: int) -> Tensor:
    """Return the weighted sum of the tokens' values for every text of a micro-batch, [texts].

    Args:
        values: One number for every supervised token, [supervised].
        weights: Their weights, [supervised].
        sequences: The number of each one's text, int64 [supervised].
        texts: How many texts there are; a micro-batch that only keeps the ranks in step has none.
    """
    sums = values.new_zeros(max(1, texts)).index_add(0, sequences, values * weights.to(values))
    return sums[:texts]
