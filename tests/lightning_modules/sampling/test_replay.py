from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lessons.errors import ConfigError
from lightning_modules.sampling import Answer, Asked, Replay


def asked(sequence: int, copy: int = 0) -> Asked:
    return Asked(sequence, copy, copy, np.array([1, 2], np.int32), sequence, f"p{sequence}", 0, 1.0)


def answer(sequence: int, copy: int, update: int, logs: bool = False) -> Answer:
    tokens = np.arange(1 + (sequence + update) % 4, dtype=np.int32)
    known = -np.arange(1.0, 1.0 + len(tokens)) / 3 if logs else None
    return Answer(asked(sequence, copy), tokens, bool(update % 2), update, log_probabilities=known)


places = st.tuples(st.integers(0, 5), st.integers(0, 1))
histories = st.lists(st.lists(places, unique=True, max_size=5), max_size=8)


@settings(max_examples=50)
@given(histories, st.integers(1, 6), st.one_of(st.none(), st.integers(1, 4)))
def test_it_holds_the_latest_answers_up_to_its_capacity_and_age(
    history: list[list[tuple[int, int]]], capacity: int, oldest: int | None
) -> None:
    replay = Replay(capacity, oldest)
    written: list[tuple[tuple[int, int], int]] = []
    for update, group in enumerate(history):
        replay.keep(answer(*place, update) for place in group)
        written += [(place, update) for place in sorted(group)]
        assert len(replay.kept) <= capacity
        latest = dict(written)
        # The model: the most recently written places, one answer each.
        recent = list(dict.fromkeys(place for place, _ in reversed(written)))[:capacity]
        for place in {p for p, _ in written}:
            found = replay.recall(asked(*place), update + 1)
            young = oldest is None or update + 1 - latest[place] <= oldest
            assert (found is not None) == (place in recent and young)
            if found is not None:
                assert found.update == latest[place]
                assert found.tokens.tolist() == answer(*place, latest[place]).tokens.tolist()
                assert found.truncated == bool(latest[place] % 2)


@settings(max_examples=30)
@given(histories, st.randoms(use_true_random=False))
def test_every_process_keeps_the_same_in_whatever_order_answers_arrive(history: Any, draw: Any) -> None:
    one, other = Replay(4), Replay(4)
    for update, group in enumerate(history):
        one.keep(answer(*place, update) for place in group)
        shuffled = draw.sample(group, len(group))
        other.keep(answer(*place, update) for place in shuffled)
    assert list(one.kept) == list(other.kept)


@settings(max_examples=30)
@given(histories, st.booleans())
def test_a_checkpoint_brings_back_all_of_it(history: Any, logs: bool) -> None:
    replay = Replay(5)
    for update, group in enumerate(history):
        replay.keep(answer(*place, update, logs) for place in group)
    file = io.BytesIO()
    torch.save(replay.state_dict(), file)
    file.seek(0)
    other = Replay(5)
    other.load_state_dict(torch.load(file, weights_only=True))
    assert list(other.kept) == list(replay.kept)
    for mine, theirs in zip(replay.kept.values(), other.kept.values(), strict=True):
        assert (mine.update, mine.truncated) == (theirs.update, theirs.truncated)
        assert mine.tokens.dtype == theirs.tokens.dtype
        assert mine.tokens.tolist() == theirs.tokens.tolist()
        assert (mine.log_probabilities is None) == (theirs.log_probabilities is None)
        if mine.log_probabilities is not None:
            assert mine.log_probabilities.tolist() == theirs.log_probabilities.tolist()


def test_the_share_written_anew_moves_with_the_run() -> None:
    shares = {anew: [Replay(anew=anew).anew_share(k, 4) for k in range(5)] for anew in ("falling", "rising", "half")}
    assert shares == {"falling": [1, 0.75, 0.5, 0.25, 0], "rising": [0, 0.25, 0.5, 0.75, 1], "half": [0.5] * 5}


@pytest.mark.parametrize("limits", [{"capacity": 0}, {"oldest_updates": 0}])
def test_an_empty_buffer_is_refused(limits: dict[str, int]) -> None:
    with pytest.raises(ConfigError, match=r"capacity = .* oldest_updates = .*1 or more each.*leave out `replay`"):
        Replay(**limits).check()
