from __future__ import annotations

import pickle

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from lightning_modules.data.collate import Batch, Plan, Weighted, collate
from lightning_modules.data.rendered import Sequence32


def sequence(tokens: list[int], weights: list[float], part: int = 0) -> Sequence32:
    return Sequence32(np.array(tokens, np.int32), np.array([0.0, *weights[1:]], np.float32), part)


rows = st.lists(st.tuples(st.integers(1, 99), st.sampled_from([0.0, 0.5, 1.0])), min_size=2, max_size=9)


@given(st.lists(st.tuples(rows, st.integers(0, 1)), min_size=1, max_size=5))
def test_every_weighted_token_is_the_target_of_the_position_before_it(given_rows: list) -> None:
    sequences = [
        Weighted(sequence([t for t, _ in row], [w for _, w in row], part), 1.0 + k)
        for k, (row, part) in enumerate(given_rows)
    ]
    batch = collate(sequences, np.array([1.0, 2.0]))
    width = batch.input_ids.shape[1]
    expected = [
        (k, t, row[t][0], row[t][1] * (1.0 + k), part)
        for k, (row, part) in enumerate(given_rows)
        for t in range(1, len(row))
        if row[t][1]
    ]
    assert batch.sequences.tolist() == [k for k, *_ in expected]
    found = [
        (int(position) // width, int(position) % width + 1, int(target), float(weight), int(part))
        for position, target, weight, part in zip(
            batch.positions, batch.targets, batch.weights, batch.parts, strict=True
        )
    ]
    assert found == expected
    for k, (row, _) in enumerate(given_rows):
        assert batch.input_ids[k, : len(row) - 1].tolist() == [t for t, _ in row[:-1]]


def test_an_empty_micro_batch_is_one_token_of_weight_zero() -> None:
    batch = collate([], np.array([5.0]))
    assert batch.input_ids.tolist() == [[0]]
    assert batch.weights.tolist() == [0.0]
    assert batch.totals.tolist() == [5.0]
    assert batch.sequences.tolist() == [0]


def test_a_batch_keeps_its_plan_and_exact_totals_when_moved_or_sent_between_processes() -> None:
    plan = Plan(update=3, lesson_ids=("a",))
    extras = {"stored": torch.tensor([[0.5], [0.25]])}
    batch = collate([Weighted(sequence([1, 2, 3], [0, 1, 1]))], np.array([1 / 3]), plan, extras)
    for other in (batch.to("cpu"), pickle.loads(pickle.dumps(batch))):
        assert isinstance(other, Batch)
        assert other.plan == plan
        assert other.totals.tolist() == [1 / 3]
        assert other.targets.tolist() == [2, 3]
        assert other.extras["stored"].tolist() == [[0.5], [0.25]]
