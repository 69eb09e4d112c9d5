from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lessons.lesson_set import LessonSet
from lightning_modules import log_policy
from lightning_modules.data.rendered import RenderedLessons
from lightning_modules.policy import policy_log
from lightning_modules.policy.policy_log import of_similar_length, read_policy
from students import render_all


@given(st.lists(st.integers(1, 40), min_size=1, max_size=30), st.integers(1, 120))
def test_sequences_are_asked_for_once_each_in_batches_of_bounded_size(lengths: list[int], tokens: int) -> None:
    sizes = np.array(lengths)
    order = np.argsort(sizes, kind="stable")
    runs = list(of_similar_length(order, sizes, tokens))
    assert sorted(np.concatenate(runs).tolist()) == list(range(len(lengths)))
    for run in runs:
        assert len(run) == 1 or len(run) * sizes[run].max() <= tokens


def test_what_is_written_is_what_the_student_says_of_every_token_it_learns(
    tiny: Any, groups: Any, groups_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(policy_log, "TOKENS_AT_ONCE", 200)
    student, rendering = tiny(seed=3), groups().rendering
    log_policy(student, groups_folder / "prompts.parquet", rendering, tmp_path / "policy.parquet")
    lessons = LessonSet.read(groups_folder / "prompts.parquet")
    examples = render_all(rendering, lessons, student.encoder).examples
    turned = RenderedLessons.of(dict(reversed(examples.items())), ["answer"])  # known by content, not by order
    log = read_policy(tmp_path / "policy.parquet", turned)
    assert log.policy == student.fingerprint
    flat = [example for found in reversed(examples.values()) for example in found]
    for number, example in enumerate(flat):
        ids = torch.tensor(example.input_ids)
        with torch.no_grad():
            logs = student.model(input_ids=ids[None]).logits[0].log_softmax(-1)
        learnt = [t for t in range(1, len(ids)) if example.weights[t]]
        expected = [float(logs[t - 1, ids[t]]) for t in learnt]
        np.testing.assert_allclose(log.of(np.array([number])), expected, rtol=1e-5, atol=1e-6)
    assert len(log.of(np.arange(len(flat)))) == int((turned.weights > 0).sum())
