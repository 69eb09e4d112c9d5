"""Answers that are used again, so that fewer have to be written."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal, NamedTuple

import numpy as np
import torch

from lessons.errors import ConfigError
from lightning_modules.sampling.answers import Answer, Asked

__all__ = ["Replay"]


class Kept(NamedTuple):
    """An answer that was written before."""

    update: int
    """When."""
    tokens: np.ndarray[tuple[int], np.dtype[np.int32]]
    """Its tokens, [tokens]."""
    truncated: bool
    """Whether it ran into its limit."""
    log_probabilities: np.ndarray[tuple[int], np.dtype[np.float64]] | None
    """As in `Answer`, [tokens]."""


class Replay:
    """Keeps the student's answers and hands them out again when their lesson comes again.

    After DistiLLM (Ko et al. 2024, arXiv:2402.03898): a sampled batch is written anew with a probability that falls
    over the run, and else is taken from what was written before. The authors' code replays batches of any prompts;
    here the plan says which lessons an update trains, so an answer is used again for its own prompt (our reading). A
    lesson without an answer that is young enough is answered anew, and so is one whose answer was left out. Every
    process keeps the same answers.

    Args:
        capacity: Answers kept; the oldest are forgotten first. 1000 batches in the authors' code.
        oldest_updates: Answers written more than so many updates ago are not used; None for any age.
        anew: How the share of answers written anew moves with the share r of the run that is done: "falling" is 1 - r,
            "rising" is r, "half" is 1/2.
    """

    def __init__(
        self,
        capacity: int = 1000,
        oldest_updates: int | None = None,
        anew: Literal["falling", "rising", "half"] = "falling",
    ) -> None:
        self.capacity = capacity
        self.oldest_updates = oldest_updates
        self.anew = anew
        self.kept: dict[tuple[int, int], Kept] = {}
        """By sequence and copy, the oldest first."""

    def check(self) -> None:
        """Refuse settings out of range.

        Raises:
            ConfigError: One is.
        """
        if self.capacity < 1 or (self.oldest_updates is not None and self.oldest_updates < 1):
            raise ConfigError(
                f"Replay got capacity = {self.capacity} and oldest_updates = {self.oldest_updates}. Allowed is 1 or "
                "more each, or null for any age. Correct them, or leave out `replay` to have every answer written anew."
            )

    def anew_share(self, update: int, updates: int) -> float:
        """Return the probability that an answer is written anew, in [0, 1]."""
        done = min(1.0, update / max(1, updates))
        return {"falling": 1 - done, "rising": done, "half": 0.5}[self.anew]

    def recall(self, asked: Asked, update: int) -> Answer | None:
        """Return the answer kept for a prompt, or None where there is none young enough."""
        found = self.kept.get((asked.sequence, asked.copy))
        if found is None or (self.oldest_updates is not None and update - found.update > self.oldest_updates):
            return None
        return Answer(asked, found.tokens, found.truncated, found.update, log_probabilities=found.log_probabilities)

    def keep(self, answers: Iterable[Answer]) -> None:
        """Keep answers just written, of all processes; an answer takes the place of an older one to the same prompt."""
        for answer in sorted(answers, key=lambda a: (a.asked.sequence, a.asked.copy)):
            place = (answer.asked.sequence, answer.asked.copy)
            self.kept.pop(place, None)
            self.kept[place] = Kept(answer.update, answer.tokens, answer.truncated, answer.log_probabilities)
        while len(self.kept) > self.capacity:
            del self.kept[next(iter(self.kept))]

    def state_dict(self) -> dict[str, Any]:
        """Return the answers kept, as tensors."""
        logs = [kept.log_probabilities for kept in self.kept.values() if kept.log_probabilities is not None]
        return {
            "places": torch.tensor(list(self.kept), dtype=torch.int64).view(-1, 2),
            "updates": torch.tensor([kept.update for kept in self.kept.values()], dtype=torch.int64),
            "truncated": torch.tensor([kept.truncated for kept in self.kept.values()], dtype=torch.bool),
            "lengths": torch.tensor([len(kept.tokens) for kept in self.kept.values()], dtype=torch.int64),
            "tokens": torch.from_numpy(joined([kept.tokens for kept in self.kept.values()], np.int32)),
            "log_probabilities": torch.from_numpy(joined(logs, np.float64)) if logs else None,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Keep the answers of a checkpoint."""
        cuts = np.cumsum(state["lengths"].cpu().numpy())[:-1]
        tokens = np.split(state["tokens"].cpu().numpy(), cuts)
        logs = state["log_probabilities"]
        known = [None] * len(tokens) if logs is None else np.split(logs.cpu().numpy(), cuts)
        self.kept = {
            (place[0], place[1]): Kept(update, mine, truncated, log)
            for place, update, truncated, mine, log in zip(
                state["places"].tolist(), state["updates"].tolist(), state["truncated"].tolist(),
                tokens[: len(state["lengths"])], known[: len(state["lengths"])], strict=True,
            )
        }  # fmt: skip


def joined(arrays: list[Any], kind: type) -> np.ndarray[Any, Any]:
    """Return the arrays one after the other, with none an empty one."""
    return np.concatenate([np.empty(0, kind), *arrays]).astype(kind)
