from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from lessons.errors import CheckpointMismatch, ConfigError
from lightning_modules.data.fitting_checks import refuse_other_data, refuse_unanswered, refuse_unheard
from students import AnswerOnly

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
