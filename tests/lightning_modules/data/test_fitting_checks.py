from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from lessons.errors import CheckpointMismatch, ConfigError
from lightning_modules import CurriculumDataModule, SupervisedModule
from lightning_modules.data.fitting_checks import refuse_other_data, refuse_unanswered, refuse_unheard
from students import AnswerOnly, Student

SAVED = {"data": "a" * 64, "micro_batches": 2}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"data": "b" * 64}, r"other data: .*fingerprint a{12}, these settings give b{12}.*Restore the settings"),
        ({"micro_batches": 4}, r"accumulate_grad_batches 2, this run has 4.*the same value. Restore it"),
    ],
)
def test_a_checkpoint_of_other_batches_is_refused(change: dict[str, Any], message: str) -> None:
    refuse_other_data(SAVED, dict(SAVED))
    with pytest.raises(CheckpointMismatch, match=message):
        refuse_other_data(SAVED, SAVED | change)


def test_a_plan_that_hears_needs_somebody_who_measures() -> None:
    hearing: Any = SimpleNamespace(hears=True)
    measured: Any = SimpleNamespace(callbacks=[SimpleNamespace(feeds_plan=True)])
    silent: Any = SimpleNamespace(callbacks=[object()])
    refuse_unheard(measured, hearing)
    refuse_unheard(silent, SimpleNamespace(hears=False))  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match=r"nothing is measured on it. Name .* under feedback.measures"):
        refuse_unheard(silent, hearing)


def test_questions_without_answers_need_a_student_that_writes_them() -> None:
    class Bare(AnswerOnly):
        answered = False

    writing: Any = SimpleNamespace(answers_per_lesson=1)
    refuse_unanswered(writing, Bare())
    refuse_unanswered(None, AnswerOnly())
    with pytest.raises(ConfigError, match=r"Bare shows questions without answers, .* Take one of them, or a rendering"):
        refuse_unanswered(None, Bare())


@pytest.mark.parametrize(
    ("of_data", "of_trainer", "message"),
    [
        ({"workers": -1}, {}, r"data\.workers is -1\. Allowed is 0 or more"),
        ({"targets_per_prompt": 0}, {}, r"data\.targets_per_prompt is 0\. Allowed is 1 or more"),
        ({"max_tokens": 0}, {}, r"data\.max_tokens is 0\. Allowed is 1 or more"),
        ({}, {"accumulate_grad_batches": 0}, r"trainer\.accumulate_grad_batches is 0\. Allowed is 1 or more"),
        ({}, {"gradient_clip_val": -1.0}, r"trainer\.gradient_clip_val is -1\.0\. Allowed is 0 or more"),
        ({}, {"limit_train_batches": 2}, r"is 2, which counts micro-batches .* Allowed is the whole plan.*max_steps"),
        ({}, {"limit_train_batches": 1}, r"is 1, which counts micro-batches"),
        ({}, {"overfit_batches": 0.5}, r"is 0\.5, which counts micro-batches"),
    ],
)
def test_numbers_that_would_train_backwards_in_part_or_not_at_all_are_refused(
    tiny: Callable[..., Student],
    data: Callable[..., CurriculumDataModule],
    trainer: Callable[..., Any],
    of_data: dict[str, Any],
    of_trainer: dict[str, Any],
    message: str,
) -> None:
    with pytest.raises(ConfigError, match=message):
        trainer(**{"accumulate_grad_batches": 4, **of_trainer}).fit(SupervisedModule(tiny()), data(**of_data))


def test_a_trial_of_one_micro_batch_is_allowed(
    tiny: Callable[..., Student], data: Callable[..., CurriculumDataModule], trainer: Callable[..., Any]
) -> None:
    trainer(fast_dev_run=True, accumulate_grad_batches=4).fit(SupervisedModule(tiny()), data())
