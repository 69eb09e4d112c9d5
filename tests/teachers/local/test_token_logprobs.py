from __future__ import annotations

from concurrent.futures import Future

import pytest
import torch

from lessons.records import Message
from teachers.backend import Request
from teachers.local.request_batches import Row
from teachers.local.token_logprobs import LogprobNotes, Noted, spelled


def row(top_logprobs: int, continuation: list[int] | None = None) -> Row:
    return Row(Request((Message("user", "x"),), top_logprobs=top_logprobs), [1], Future(), continuation)


def test_each_row_gets_its_own_notes_in_the_order_of_its_tokens() -> None:
    notes = LogprobNotes([row(2), row(0), row(1), row(0, [1])])
    logits = torch.log(torch.tensor([[0.1, 0.7, 0.2], [0.5, 0.3, 0.2], [0.2, 0.2, 0.6], [0.25, 0.25, 0.5]]))
    notes.take(logits[:, None], torch.arange(4), torch.tensor([[1], [0], [0], [2]]))
    left = torch.tensor([0, 3])
    notes.take(logits[left][:, None], left, torch.tensor([[2], [1]]))
    first, second, third, fourth = notes.by_row()
    assert second is None
    assert first is not None
    assert third is not None
    assert fourth is not None
    probabilities = [round(float(torch.tensor(note.logprob).exp()), 5) for note in (*first, *third, *fourth)]
    assert probabilities == [0.7, 0.2, 0.2, 0.5, 0.25]
    assert [[token for token, _ in note.top] for note in first] == [[1, 2], [1, 2]]
    assert [[token for token, _ in note.top] for note in third] == [[2]]
    assert [note.top for note in fourth] == [[], []]
    assert [logprob for _, logprob in first[0].top] == pytest.approx([-0.356675, -1.609438], abs=1e-5)


def test_where_nobody_wants_notes_none_are_taken() -> None:
    notes = LogprobNotes([row(0), row(0)])
    notes.take(torch.zeros(2, 1, 3), torch.arange(2), torch.zeros(2, 1, dtype=torch.long))
    assert notes.notes == []
    assert notes.by_row() == [None, None]


class Letters:
    """Spells token k as the k-th letter."""

    def decode(self, ids: list[int]) -> str:
        return "".join("abc"[token] for token in ids)


def test_notes_are_spelled_for_the_ledger() -> None:
    found = spelled(Letters(), [2], [Noted(-0.12345678, [(2, -0.12345678), (0, -3.0)])])
    assert found == [["c", -0.123457, [["c", -0.123457], ["a", -3.0]]]]
