"""How each row of a batch takes its next token: the likeliest, or drawn with numbers of its own. Imports torch."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from teachers.local.request_batches import Row

__all__ = ["RowDraws", "draw", "nucleus"]


class RowDraws:
    """The choices of all rows of a batch.

    A row's random numbers are drawn ahead from its own seed, so its text does not depend on the other rows.

    Args:
        rows: The rows of the batch.
        device: Where the model is.
    """

    def __init__(self, rows: Sequence[Row], device: torch.device) -> None:
        drawn = [row.request.sampling for row in rows]
        temperatures = [1.0 if sampling.temperature is None else sampling.temperature for sampling in drawn]
        self.temperatures = torch.tensor(temperatures, device=device)  # [rows]
        self.top_p = torch.tensor([sampling.top_p for sampling in drawn], device=device)  # [rows]
        self.greedy = not any(temperatures)
        self.uniforms = torch.zeros(len(rows), max(sampling.max_output_tokens for sampling in drawn))
        for number, (row, temperature) in enumerate(zip(rows, temperatures, strict=True)):
            if temperature > 0:
                generator = torch.Generator().manual_seed(row.seed)
                count = row.request.sampling.max_output_tokens
                self.uniforms[number, :count] = torch.rand(count, generator=generator)
        self.uniforms = self.uniforms.to(device)  # [rows, steps]

    def choose(self, logits: torch.Tensor, rows: torch.Tensor, step: int) -> torch.Tensor:
        """Choose the next token of the rows with these numbers.

        Args:
            logits: float32 [chosen rows, vocabulary].
            rows: Their numbers, [chosen rows].
            step: How many tokens each has written already.
        """
        tokens = logits.argmax(-1)
        if self.greedy:
            return tokens
        drawn = (self.temperatures[rows] > 0).nonzero()[:, 0]
        if len(drawn):
            which = rows[drawn]
            scaled = logits[drawn] / self.temperatures[which, None]
            tokens[drawn] = draw(scaled.softmax(-1), self.uniforms[which, step], self.top_p[which])
        return tokens


def draw(probabilities: torch.Tensor, uniforms: torch.Tensor, top_p: torch.Tensor) -> torch.Tensor:
    """Draw a token a row by inverting its cumulative distribution: [rows].

    Args:
        probabilities: [rows, vocabulary].
        uniforms: Numbers in [0, 1), [rows].
        top_p: Share of the mass to draw from, [rows].
    """
    if bool((top_p < 1).any()):
        probabilities = nucleus(probabilities, top_p)
    cumulative = probabilities.cumsum(-1, dtype=torch.float64)  # [rows, vocabulary]
    wanted = uniforms.double()[:, None] * cumulative[:, -1:]
    place = torch.searchsorted(cumulative, wanted, right=True)[:, 0]  # right: tokens without mass are never taken
    return place.clamp(max=probabilities.shape[-1] - 1)


def nucleus(probabilities: torch.Tensor, top_p: torch.Tensor) -> torch.Tensor:
    """Keep the likeliest tokens that together hold `top_p` of the mass, the others at 0; [rows, vocabulary]."""
    ordered, order = probabilities.sort(dim=-1, descending=True, stable=True)
    before = ordered.cumsum(-1) - ordered
    return torch.zeros_like(probabilities).scatter(-1, order, ordered.masked_fill(before >= top_p[:, None], 0.0))
