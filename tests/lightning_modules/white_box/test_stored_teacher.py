"""Training from stored logits against training with the teacher in the run, whatever the split of an update."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch import Callback

from lessons.errors import CheckpointMismatch, ConfigError, DataError
from lessons.lesson_set import LessonSet
from lightning_modules import AdaptiveKL, ForwardKL, GeneralizedJSD, LogitDistillation
from lightning_modules.callbacks import RunFolder, UpdateCheckpoint
from students import AnswerOnly, LogitStore, RandomWeights, RationaleThenAnswer, Rendering, Student, TwoTask, render_all
from students.logit_store import Capture, capture

WIDER: dict[str, Any] = {"hidden_size": 24, "layers": 1, "heads": 2}
WHOLE = Capture(tokens_kept=103, log_probabilities="float32", sequences_per_shard=7)
SOME = Capture(tokens_kept=8, sequences_per_shard=7)


def teacher(seed: int = 9) -> Student:
    return Student(RandomWeights(**WIDER, seed=seed), precision="float32")


@pytest.fixture
def stored(round_folder: Path, tmp_path: Path) -> Callable[..., LogitStore]:
    """Store what a teacher says about all lessons of the round, of which the plan's order knows nothing."""

    def write(settings: Capture = WHOLE, rendering: Rendering | None = None, who: Student | None = None) -> LogitStore:
        who, rendering = who or teacher(), rendering or RationaleThenAnswer()
        lessons = LessonSet.read(round_folder / "prompts.parquet", round_folder / "lessons.parquet", target="rationale")
        examples = [e for found in render_all(rendering, lessons, who.encoder).examples.values() for e in found]
        folder = tmp_path / f"store-{len(list(tmp_path.glob('store-*')))}"
        capture(who, who, examples, type(rendering).__name__, folder, settings)
        return LogitStore(str(folder))

    return write


@pytest.fixture
def distil(tiny: Callable[..., Student]) -> Callable[..., LogitDistillation]:
    def build(taught_by: Student | LogitStore, divergence: Any = None, **settings: Any) -> LogitDistillation:
        return LogitDistillation(tiny(), taught_by, divergence or ForwardKL(), **settings)

    return build


def same(left: Any, right: Any, rtol: float, atol: float) -> None:
    assert len(left.steps) == len(right.steps) >= 1
    assert left.losses == pytest.approx(right.losses, rel=rtol)
    for mine, other in zip(left.steps, right.steps, strict=True):
        for name in mine:
            torch.testing.assert_close(mine[name], other[name], rtol=rtol, atol=atol)


@pytest.mark.parametrize("divergence", [GeneralizedJSD(0.3), AdaptiveKL()], ids=["jsd", "akl"])
def test_with_the_whole_vocabulary_stored_it_is_training_with_the_teacher_in_the_run(
    fit: Any, distil: Any, stored: Any, divergence: Any
) -> None:
    settings = {"supervised_weight": 0.25, "temperature": 2.0}
    live = fit(2, "64-true", rendering=TwoTask(), module=distil(teacher(), divergence, **settings), max_steps=2)
    store = stored(rendering=TwoTask())
    told = fit(2, "64-true", rendering=TwoTask(), module=distil(store, divergence, **settings), max_steps=2)
    same(told, live, rtol=1e-4, atol=1e-7)  # the store has float32


@pytest.mark.parametrize("settings", [WHOLE, SOME], ids=["all tokens", "eight"])
def test_a_student_like_the_teacher_that_was_stored_has_nothing_to_learn(
    fit: Any, distil: Any, stored: Any, tiny: Any, settings: Capture
) -> None:
    store = stored(settings, who=tiny())
    pupil = fit(2, "64-true", module=distil(store, supervised_weight=0.0), max_steps=1)
    assert pupil.losses[0] == pytest.approx(0.0, abs=1e-6 if settings is SOME else 1e-11)  # rounding, squared
    other = fit(2, "64-true", module=distil(stored(settings), supervised_weight=0.0), max_steps=1)
    assert other.losses[0] > 1e-4


def test_a_resumed_run_is_bit_equal_and_another_store_is_refused(
    distil: Any, stored: Any, data: Any, trainer: Any, tmp_path: Path
) -> None:
    class Killed(Callback):
        def on_train_batch_start(self, trainer: Any, module: Any, batch: Any, index: int) -> None:
            if index == 6:
                raise ZeroDivisionError("killed")

    def train(store: LogitStore, folder: str, *callbacks: Callback, checkpoint: Path | None = None) -> Any:
        saving = UpdateCheckpoint(every_updates=1)
        built = trainer(
            saving, *callbacks, default_root_dir=tmp_path / folder, enable_checkpointing=True, max_steps=6,
            accumulate_grad_batches=2,
        )  # fmt: skip
        module = distil(store, GeneralizedJSD())
        built.fit(module, data(4), ckpt_path=checkpoint)
        return module.model.state_dict()

    store, last = stored(SOME), RunFolder(tmp_path / "broken").checkpoint
    whole = train(store, "whole")
    with pytest.raises(ZeroDivisionError, match="killed"):
        train(store, "broken", Killed())
    with pytest.raises(CheckpointMismatch, match=r"taught by another teacher.*the top 8 of random-llama-1x24-seed8"):
        train(stored(SOME, who=teacher(seed=8)), "broken", checkpoint=last)
    resumed = train(store, "broken", checkpoint=last)
    assert all(torch.equal(tensor, resumed[name]) for name, tensor in whole.items())


def test_a_divergence_that_needs_every_token_is_refused_with_a_few(
    distil: Any, stored: Any, data: Any, trainer: Any
) -> None:
    message = r"AdaptiveKL needs the probability of every token, but only the top 8 are stored. Allowed are the other"
    with pytest.raises(ConfigError, match=message):
        trainer().fit(distil(stored(SOME), AdaptiveKL()), data(8))


def test_lessons_that_were_not_stored_are_refused_before_the_first_step(
    distil: Any, stored: Any, data: Any, trainer: Any
) -> None:
    message = (
        r"21 of 21 training sequences are not in .*; the first is of lesson 'p\d+'. Stored are 21 .*by AnswerOnly. "
        r"Needed are the very same ids.*run `tutelage logits` with the settings of this run"
    )
    module = distil(stored(SOME, AnswerOnly()))
    with pytest.raises(DataError, match=message):
        trainer().fit(module, data(8))
    assert module.model is None
