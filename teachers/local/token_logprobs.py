"""Notes of how likely tokens were, taken batch-wise and told row by row. Imports torch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch

from teachers.local.request_batches import Row

__all__ = ["LogprobNotes", "Noted", "spelled"]


class Noted(NamedTuple):
    """How likely one token was."""

    logprob: float
    """Natural logarithm of its probability at temperature 1, however it was chosen."""
    top: list[tuple[int, float]]
    """The likeliest tokens in its place with their log-probabilities, likeliest first."""


class LogprobNotes:
    """Notes about the rows that want log-probabilities; costs nothing where none does.

    Args:
        rows: The rows of a batch.
    """

    def __init__(self, rows: Sequence[Row]) -> None:
        self.tops = [row.request.top_logprobs for row in rows]
        self.wanted = [row.request.top_logprobs > 0 or row.continuation is not None for row in rows]
        self.notes: list[tuple[list[int], torch.Tensor, torch.Tensor, torch.Tensor]] = []

    def take(self, logits: torch.Tensor, rows: torch.Tensor, tokens: torch.Tensor) -> None:
        """Note how likely the tokens of some rows were.

        Args:
            logits: [chosen rows, tokens, vocabulary], those that predict the tokens.
            rows: The rows' numbers, [chosen rows].
            tokens: [chosen rows, tokens].
        """
        if not any(self.wanted):
            return
        numbers = rows.tolist()
        places = [place for place, number in enumerate(numbers) if self.wanted[number]]
        if not places:
            return
        logprobs = logits[places].log_softmax(-1)
        chosen = logprobs.gather(-1, tokens[places, :, None])[..., 0]  # [rows noted, tokens]
        values, ids = logprobs.topk(min(max(self.tops), logprobs.shape[-1]), dim=-1)  # [rows noted, tokens, top]
        self.notes.append(([numbers[place] for place in places], chosen, values, ids))

    def by_row(self) -> list[list[Noted] | None]:
        """Return the notes of each row, in the order of its tokens; None for rows that want none."""
        found: list[list[Noted] | None] = [[] if wanted else None for wanted in self.wanted]
        for numbers, *tensors in self.notes:
            lists = [tensor.tolist() for tensor in tensors]
            for number, *row in zip(numbers, *lists, strict=True):
                kept = found[number]
                if kept is not None:
                    kept += [
                        Noted(logprob, list(zip(ids, values, strict=True))[: self.tops[number]])
                        for logprob, values, ids in zip(*row, strict=True)
                    ]
        return found


def spelled(tokenizer: Any, ids: Sequence[int], notes: Sequence[Noted]) -> list[Any]:
    """Return notes as JSON: [token, log-probability, [[token, log-probability], ...]] for each of the tokens.

    A token that is a part of a character is spelled with the replacement character.
    """
    every = {*ids, *(token for note in notes for token, _ in note.top)}
    texts = {token: tokenizer.decode([token]) for token in every}
    return [
        [texts[token], round(note.logprob, 6), [[texts[other], round(logprob, 6)] for other, logprob in note.top]]
        for token, note in zip(ids, notes, strict=True)
    ]
