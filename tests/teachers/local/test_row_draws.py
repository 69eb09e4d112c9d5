from __future__ import annotations

from concurrent.futures import Future

import torch
from hypothesis import given
from hypothesis import strategies as st

from lessons.records import Message
from teachers.backend import Request, Sampling
from teachers.local.request_batches import Row
from teachers.local.row_draws import RowDraws, draw, nucleus

CPU = torch.device("cpu")


def row(temperature: float | None, sample: int = 0, top_p: float = 1.0) -> Row:
    return Row(Request((Message("user", "x"),), Sampling(temperature, top_p, 4), sample), [1], Future())


def test_the_nucleus_keeps_the_likeliest() -> None:
    probabilities = torch.tensor([[0.1, 0.5, 0.4]] * 3)
    kept = nucleus(probabilities, torch.tensor([0.6, 0.01, 1.0])) > 0
    assert kept.tolist() == [[False, True, True], [False, True, False], [True, True, True]]


@given(st.lists(st.integers(0, 5), min_size=1, max_size=12).filter(any), st.floats(0, 0.9999999))
def test_a_token_without_mass_is_never_drawn(weights: list[int], uniform: float) -> None:
    probabilities = torch.tensor([weights], dtype=torch.float32)
    (token,) = draw(probabilities / probabilities.sum(), torch.tensor([uniform]), torch.ones(1)).tolist()
    assert weights[token] > 0


def test_drawing_inverts_the_cumulative_distribution() -> None:
    uniforms = torch.tensor([0.0, 0.09, 0.11, 0.59, 0.61, 0.99])
    assert draw(torch.tensor([[0.1, 0.5, 0.4]] * 6), uniforms, torch.ones(6)).tolist() == [0, 0, 1, 1, 2, 2]


def test_drawing_follows_temperature_and_top_p() -> None:
    """Frequencies over 4,000 draws match softmax(logits / temperature), cut to the nucleus."""
    logits = torch.tensor([2.0, 1.0, 0.0, -1.0])
    for temperature, top_p in ((0.7, 1.0), (1.5, 0.8), (None, 1.0)):
        rows = [row(temperature, sample, top_p) for sample in range(4_000)]
        tokens = RowDraws(rows, CPU).choose(logits.repeat(4_000, 1), torch.arange(4_000), 0)
        wanted = (logits / (temperature or 1.0)).softmax(-1)
        if top_p < 1:
            wanted[3] = 0.0  # softmax(logits / 1.5) is 0.51, 0.26, 0.14, 0.07 ...: three of them hold 0.8
            wanted /= wanted.sum()
        assert (torch.bincount(tokens, minlength=4) / 4_000 - wanted).abs().max() < 0.03


def test_greedy_rows_beside_sampled_ones_stay_greedy() -> None:
    logits = torch.tensor([[0.0, 3.0, 1.0]]).repeat(200, 1)
    rows = [row(0.0 if number % 2 else 1.0, number) for number in range(200)]
    tokens = RowDraws(rows, CPU).choose(logits, torch.arange(200), 0)
    assert set(tokens[1::2].tolist()) == {1}
    assert set(tokens[::2].tolist()) == {0, 1, 2}


def test_a_row_draws_the_same_beside_others_and_after_they_left() -> None:
    logits = torch.randn(6, 50, generator=torch.Generator().manual_seed(0))
    rows = [row(1.0, sample) for sample in range(6)]
    together = RowDraws(rows, CPU)
    for number in range(6):
        alone = RowDraws([rows[number]], CPU)
        for step in range(4):
            kept = torch.tensor([0, number]) if number else torch.tensor([0])
            assert together.choose(logits[kept], kept, step)[-1] == alone.choose(
                logits[[number]], torch.tensor([0]), step
            )
