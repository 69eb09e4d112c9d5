"""When a generated answer is over: at an end-of-turn token, or once it holds a text."""

from __future__ import annotations

from collections import defaultdict

import torch
from torch import Tensor

from students.student import Student

__all__ = ["Ends"]


class Ends:
    """Notices the ends of the answers of one batch.

    Args:
        student: Who writes.
        stop_text: Text with which an answer is over; None for end-of-turn tokens alone.
    """

    def __init__(self, student: Student, stop_text: str | None = None) -> None:
        self.tokenizer = student.tokenizer
        self.special = student.encoder.special_ids  # answers are read without them
        self.stop_text = stop_text
        self.ids = torch.tensor(student.encoder.stop_ids, device=student.device)
        # As many of the last tokens as can hold the text: a token may be one byte of a character.
        self.width = len((stop_text or "").encode()) + 1
        self.tails: defaultdict[int, list[int]] = defaultdict(list)

    def reached(self, rows: Tensor, tokens: Tensor) -> Tensor:
        """Return which answers are over with these tokens, bool [answers that go on].

        Args:
            rows: Number of each answer in the batch, [answers that go on].
            tokens: What was written last, [answers that go on].
        """
        over = torch.isin(tokens, self.ids)
        if self.stop_text is None:
            return over
        found = [self.holds(row, token) for row, token in zip(rows.tolist(), tokens.tolist(), strict=True)]
        return over | torch.tensor(found, device=over.device)

    def holds(self, row: int, token: int) -> bool:
        """Return whether an answer holds the text now."""
        if token in self.special:
            return False
        tail = self.tails[row]
        tail.append(token)
        del tail[: -self.width]
        return str(self.stop_text) in str(self.tokenizer.decode(tail))
