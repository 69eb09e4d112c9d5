from __future__ import annotations

import numpy as np
import pytest
import torch

from lessons.errors import ConfigError
from lightning_modules.data.collate import Batch, Plan, Weighted, collate
from lightning_modules.data.rendered import RenderedLessons
from lightning_modules.preferences import DPO, KTO
from lightning_modules.preferences.preference_companion import PreferenceCompanion
from students import Example

PARTS = ("chosen", "rejected", "mismatched")


def example(name: str, weights: list[float], part: str, reward: float | None = None) -> Example:
    return Example(name, list(range(1, len(weights) + 1)), weights, part, reward=reward)


RENDERED = RenderedLessons.of(
    {
        "a": [
            example("a", [0, 0, 1, 1, 1], "chosen", 1.0),
            example("a", [0, 1, 0, 0.5, 1, 1, 1], "rejected", 0.25),
            example("a", [0, 1, 1], "mismatched"),
        ],
        "b": [example("b", [0, 1, 1], "chosen"), example("b", [0, 1], "rejected")],
    },
    PARTS,
)
ENTRIES = [(0, 0.5), (1, 2.0), (0, 4.0)]  # the plan names lesson a twice in one update
TOTALS = np.array([4.5 * 3 + 2 * 2, 4.5 * 4.5 + 2 * 1, 4.5 * 2])
PLAN = Plan(update_sequence_weights=(6.5, 6.5, 4.5), update_lesson_weight=6.5)


def batch_of(companion: PreferenceCompanion) -> Batch:
    numbers = RENDERED.sequence_numbers(np.array([lesson for lesson, _ in ENTRIES]))
    factors = np.repeat([factor for _, factor in ENTRIES], RENDERED.sequence_counts[[k for k, _ in ENTRIES]])
    sequences = [Weighted(RENDERED.sequence(k), f) for k, f in zip(numbers.tolist(), factors.tolist(), strict=True)]
    return collate(sequences, TOTALS, PLAN, companion.extras(numbers, sequences))


def test_tokens_are_added_up_to_texts_by_their_weights() -> None:
    companion = PreferenceCompanion(RENDERED)
    companion.reference = -np.arange(10.0, 60.0, 10.0)
    companion.exact = True
    batch = batch_of(companion)
    losses = torch.arange(1.0, len(batch.targets) + 1, dtype=torch.float64)  # 1 to 3, 4 to 8, 9 and 10 ...
    texts, mismatched = companion.texts(losses, batch, 0.75)
    assert texts.log_probability.tolist()[:4] == [-6.0, -(4 + 0.5 * 5 + 6 + 7 + 8), -23.0, -13.0]
    assert texts.tokens.tolist() == [3.0, 4.5, 2.0, 1.0, 3.0, 4.5]
    assert texts.chosen.tolist() == [True, False] * 3
    assert texts.lesson.tolist() == [0, 0, 1, 1, 2, 2]  # entries of the plan, not lessons
    assert texts.weight.tolist() == [0.5, 0.5, 2.0, 2.0, 4.0, 4.0]
    assert texts.score.tolist() == [1.0, 0.25, 1.0, 0.0, 1.0, 0.25]  # lesson b has no scores: its sides say it
    assert texts.reference_log_probability.tolist() == [-10.0, -20.0, -40.0, -50.0, -10.0, -20.0]
    assert texts.usual_tokens.tolist() == [TOTALS[0] / 6.5, TOTALS[1] / 6.5] * 3
    assert texts.reference_point.item() == 0.75
    assert mismatched.tokens.tolist() == [2.0, 2.0]
    assert mismatched.lesson.tolist() == [0, 2]
    assert companion.totals(batch) == (6.5, 6.5, 6.5)


def test_how_a_batch_is_padded_changes_nothing() -> None:
    companion = PreferenceCompanion(RENDERED)
    batch = batch_of(companion)
    wide = torch.nn.functional.pad(batch.input_ids, (0, 5), value=7)
    rows, columns = batch.positions // batch.input_ids.shape[1], batch.positions % batch.input_ids.shape[1]
    fields = {name: getattr(batch, name) for name in ("targets", "weights", "parts", "sequences", "totals", "plan")}
    other = Batch(input_ids=wide, positions=rows * wide.shape[1] + columns, **fields, extras=batch.extras)
    losses = torch.rand(len(batch.targets), generator=torch.Generator().manual_seed(0))
    for mine, found in zip(companion.texts(losses, batch, 0.0), companion.texts(losses, other, 0.0), strict=True):
        assert all(torch.equal(getattr(mine, name), getattr(found, name)) for name in mine.__dataclass_fields__)


def test_a_micro_batch_without_lessons_has_no_texts() -> None:
    companion = PreferenceCompanion(RENDERED)
    batch = collate([], TOTALS, PLAN, companion.extras(np.empty(0, np.int64), []))
    texts, mismatched = companion.texts(torch.ones(1), batch, 0.0)
    assert len(texts) == len(mismatched) == 0


def test_numbers_come_as_float32_unless_more_is_asked_for() -> None:
    companion = PreferenceCompanion(RENDERED)
    assert companion.extras(np.array([0]), [Weighted(RENDERED.sequence(0))])["reference"].dtype == torch.float32
    companion.exact = True
    assert companion.extras(np.array([0]), [Weighted(RENDERED.sequence(0))])["reference"].dtype == torch.float64


def test_lessons_that_were_rendered_for_something_else_are_refused() -> None:
    PreferenceCompanion(RENDERED).check(DPO())
    uneven = RenderedLessons.of({"a": [example("a", [0, 1], "chosen")]}, PARTS[:2])
    with pytest.raises(ConfigError, match=r"1 of 1 lessons have more texts on one side .* Set data\.rendering to"):
        PreferenceCompanion(uneven).check(DPO())
    with pytest.raises(ConfigError, match=r"rendering has only chosen, rejected\. Needed is students\.Contrasts with"):
        PreferenceCompanion(uneven).check(KTO())
    PreferenceCompanion(uneven).check(KTO(reference_point="zero"))
    answers = RenderedLessons.of({"a": [example("a", [0, 1], "answer")]}, ("answer",))
    with pytest.raises(ConfigError, match=r"parts are answer\. Needed are the parts chosen and rejected"):
        PreferenceCompanion(answers).check(DPO())
