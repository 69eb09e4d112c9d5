from __future__ import annotations

import logging
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch import Callback

from curricula import Curriculum
from lessons.errors import CheckpointMismatch, ConfigError, DataError
from lessons.lesson_set import LessonSet
from lessons.records import Grade
from lightning_modules import (
    CurriculumDataModule,
    GroupAdvantage,
    NegativeAware,
    PolicyLoss,
    SupervisedModule,
    UpdateCheckpoint,
    VerifiedModule,
    log_policy,
)
from lightning_modules.callbacks import RunFolder
from students import AnswerGroups, AnswerOnly, Student, render_all
from tests.lightning_modules.conftest import Gradients


@pytest.fixture
def train(
    tiny: Callable[..., Student], groups: Callable[..., CurriculumDataModule], trainer: Callable[..., Any]
) -> Callable[..., Any]:
    """Train on the groups and return what the callback saw, and the trainer."""

    def run(
        loss: PolicyLoss,
        micro_batches: int = 1,
        precision: str = "64-true",
        max_steps: int = -1,
        data: CurriculumDataModule | None = None,
        callbacks: Any = (),
        **settings: Any,
    ) -> Any:
        seen = Gradients()
        built = trainer(
            seen, *callbacks, accumulate_grad_batches=micro_batches, precision=precision, max_steps=max_steps
        )
        settings.setdefault("optimizer", lambda parameters: torch.optim.SGD(parameters, lr=0.1))
        module = VerifiedModule(tiny(), loss, **settings)
        built.fit(module, data or groups())
        seen.module, seen.trainer = module, built
        return seen

    return run


def other_policy(folder: Path, path: Path, student: Student) -> str:
    """Write the log-probabilities of a student that is not the one in training."""
    rendering = AnswerGroups(str(folder / "attempts.parquet"), one_sided="keep")
    log_policy(student, folder / "prompts.parquet", rendering, path)
    return str(path)


class Moved(Callback):
    """Moves the student far away once everything was measured on its own weights."""

    def on_train_start(self, trainer: Any, module: Any) -> None:
        with torch.no_grad():
            for parameter in module.parameters():
                parameter.mul_(4)


def per_token(loss: PolicyLoss, log_ratio: torch.Tensor, rewards: list[float], number: int) -> torch.Tensor:
    """The losses of one answer's tokens, from the formulas of the papers."""
    mean = sum(rewards) / len(rewards)
    deviation = math.sqrt(sum((r - mean) ** 2 for r in rewards) / len(rewards))
    ratio, reward = log_ratio.exp(), rewards[number]
    if not deviation:
        return 0 * log_ratio
    if isinstance(loss, GroupAdvantage):
        advantage = (reward - mean) / (deviation if loss.divide_by_deviation else 1.0)
        clipped = ratio.clamp(1 - loss.clip_below, 1 + loss.clip_above)
        return -torch.minimum(ratio * advantage, clipped * advantage)
    assert isinstance(loss, NegativeAware)
    rate = min(max(mean, 0.02), 0.98)
    weight = {"share_wrong": 1 - rate, "odds": math.sqrt((1 - rate) / rate), "none": 1.0}[loss.question_weight]
    implicit = (1 - rate * ratio) / (1 - rate)
    value = implicit.clamp(min=loss.smallest_ratio)
    wrong = -loss.negative_weight * (implicit + (value - implicit).detach()).log()
    return weight * (-log_ratio if reward else wrong)


@pytest.mark.parametrize(
    ("loss", "average", "longest", "beta"),
    [
        (GroupAdvantage(), "answers", None, 0.0),
        (GroupAdvantage(), "answers", None, 0.5),
        (GroupAdvantage(clip_above=0.28), "tokens", None, 0.0),
        (GroupAdvantage(divide_by_deviation=False), "constant", 64, 2.0),
        (NegativeAware(), "tokens", None, 0.0),
        (NegativeAware(0.5, "odds", 0.1), "answers", None, 0.0),
        (NegativeAware(0.0, "none"), "tokens", None, 0.0),
    ],
    ids=["GRPO", "GRPO with reference", "DAPO", "Dr. GRPO with reference", "NFT", "NFT weaker", "RFT"],
)
def test_loss_and_gradients_equal_a_reference_written_by_hand(
    train: Any, tiny: Any, groups: Any, groups_folder: Path, tmp_path: Path,
    loss: Any, average: Any, longest: Any, beta: float,
) -> None:  # fmt: skip
    """Of a student that is neither what it was before training (seed 0) nor who wrote the answers (seed 5)."""
    policy = other_policy(groups_folder, tmp_path / "policy.parquet", tiny(seed=5))
    settings = {"average": average, "longest_answer": longest, "policy": policy, "reference_weight": beta}
    data = groups(one_sided="keep")
    seen = train(loss, 4, max_steps=1, data=data, callbacks=[Moved()], **settings)

    model, old, start = (tiny(seed=seed).weights.load(torch.float32).model.double() for seed in (0, 5, 0))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(4)
    plan_ = Curriculum.read(groups_folder)
    lessons = LessonSet.read(groups_folder / "prompts.parquet")
    examples = render_all(groups(one_sided="keep").rendering, lessons, tiny().encoder).examples
    whole, tokens, answers = torch.zeros((), dtype=torch.float64), 0.0, 0.0
    for name, factor in zip(plan_.lesson_ids[:8], plan_.weight[:8].tolist(), strict=True):
        rewards = [example.reward for example in examples[name]]
        for number, example in enumerate(examples[name]):
            ids = torch.tensor([example.input_ids])
            logs, olds, starts = (m(input_ids=ids).logits[0, :-1].log_softmax(-1) for m in (model, old, start))
            picked = [t - 1 for t in range(1, len(example.input_ids)) if example.weights[t]]
            targets = ids[0, 1:][picked]
            log_ratio = logs[picked, targets] - olds[picked, targets].detach()
            apart = starts[picked, targets].detach() - logs[picked, targets]
            losses = per_token(loss, log_ratio, rewards, number) + beta * (apart.exp() - apart - 1)
            tokens, answers = tokens + factor * len(picked), answers + factor
            share = {"tokens": losses.sum(), "answers": losses.mean(), "constant": losses.sum() / 64}[average]
            whole = whole + factor * share
    whole = whole / (tokens if average == "tokens" else answers)
    whole.backward()
    gradients = {f"model.{name}": p.grad for name, p in model.named_parameters()}
    assert seen.losses[0] == pytest.approx(whole.item(), rel=1e-5)  # the policy's logarithms are kept in float32
    for name, gradient in seen.steps[0].items():
        torch.testing.assert_close(gradient, gradients[name], rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize("loss", [GroupAdvantage(), NegativeAware()], ids=["GRPO", "NFT"])
def test_when_the_first_update_begins_all_ratios_are_one(train: Any, loss: Any) -> None:
    found: list[dict[str, float]] = []

    class Figures(Callback):
        def on_train_batch_end(self, trainer: Any, *rest: Any) -> None:
            found.append({name: float(value) for name, value in trainer.callback_metrics.items()})

    # Large steps: the second update must see ratios that moved, or a ratio that is always 1 would pass.
    train(loss, 1, "32-true", data=None, callbacks=[Figures()], optimizer=lambda p: torch.optim.SGD(p, lr=5.0))
    assert found[0]["ratio"] == pytest.approx(1.0, abs=1e-6)
    assert found[0]["ratio_spread"] < 1e-5
    assert found[0]["clipped"] == 0
    assert 0 < found[0]["reward"] < 1
    if isinstance(loss, NegativeAware):
        assert found[0]["loss"] == pytest.approx(0.0, abs=1e-6)  # -log 1, right or wrong
    assert found[-1]["ratio_spread"] > 0.01


def test_groups_that_are_all_right_or_all_wrong_move_nothing(train: Any, groups: Any, groups_folder: Path) -> None:
    class OneSided(AnswerGroups):
        """Shows only the questions that teach nothing."""

        def left_out(self, lesson: Any) -> str | None:
            return None if super().left_out(lesson) else "they teach something"

    for loss in (GroupAdvantage(), GroupAdvantage(divide_by_deviation=False), NegativeAware()):
        seen = train(loss, data=groups(rendering=OneSided(str(groups_folder / "attempts.parquet"))), max_steps=1)
        assert seen.losses == [0.0]
        assert all(not gradient.any() for gradient in seen.steps[0].values())


def test_rejection_fine_tuning_is_supervised_training_on_the_right_answers(
    train: Any, groups: Any, tiny: Any, trainer: Any, groups_folder: Path
) -> None:
    """The gradient of -log R is that of -log p; what the wrong answers leave behind is only their place in the mean."""

    class MixedOnly(AnswerGroups):
        def left_out(self, lesson: Any) -> str | None:
            return AnswerGroups(self.answers).left_out(lesson)

    attempts = str(groups_folder / "attempts.parquet")
    right = groups(rendering=MixedOnly(attempts, right_only=True))
    seen = Gradients()
    trainer(seen, precision="64-true", max_steps=1).fit(SupervisedModule(tiny()), right)
    rejected = train(NegativeAware(negative_weight=0.0, question_weight="none"), max_steps=1)
    ratio = None
    for name, gradient in rejected.steps[0].items():
        found = float((seen.steps[0][name] * gradient).sum() / (gradient * gradient).sum())
        ratio = ratio or found
        torch.testing.assert_close(seen.steps[0][name], ratio * gradient, rtol=1e-6, atol=1e-9)
    assert ratio is not None
    assert ratio > 1


def test_what_is_trained_and_how_it_is_averaged_is_said(train: Any, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="lightning_modules"):
        train(GroupAdvantage(clip_above=0.28), max_steps=1, average="answers")
        train(NegativeAware(0.5, "odds"), max_steps=1)
    said = " ".join(record.getMessage() for record in caplog.records)
    assert "each mean over all its answers of an update, an answer being the mean over its tokens" in said
    assert "each mean over all its supervised tokens of an update" in said
    assert "-min(R A, clip(R, 0.8, 1.28) A) with A = (reward - mean) / deviation over the answers" in said
    assert "sqrt((1 - r) / r) * 0.5 * -log max((1 - r R) / (1 - r), 1) of wrong ones" in said
    assert "24 answers to 7 questions; those to 0 have one reward only" in said


@pytest.mark.parametrize(
    ("loss", "settings", "message"),
    [
        (GroupAdvantage(clip_below=1.5), {}, r"GroupAdvantage got clip_below=1.5.*from 0 to 1. Correct `clip_below`"),
        (GroupAdvantage(clip_above=-1), {}, r"GroupAdvantage got clip_above=-1.*at least 0"),
        (NegativeAware(-0.1), {}, r"NegativeAware got negative_weight=-0.1.*at least 0"),
        (NegativeAware(smallest_ratio=0), {}, r"NegativeAware got smallest_ratio=0.*above 0"),
        (GroupAdvantage(), {"average": "constant"}, r"average=constant with longest_answer=None. Allowed is average"),
        (GroupAdvantage(), {"reference_weight": -1}, r"VerifiedModule got reference_weight=-1.*at least 0. Correct"),
        (GroupAdvantage(), {"longest_answer": 5}, r"average=tokens with longest_answer=5.*Correct `average` or"),
    ],
)
def test_settings_out_of_range_are_refused_before_training(train: Any, loss: Any, settings: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        train(loss, **settings)


def test_answers_without_usable_rewards_are_refused(train: Any, groups: Any, groups_folder: Path) -> None:
    with pytest.raises(ConfigError, match=r"have no rewards.*Use students.AnswerGroups.*OnlineVerifiedModule"):
        train(NegativeAware(), data=groups(rendering=AnswerOnly()))

    class Partial(AnswerGroups):
        def reward_of(self, grade: Grade) -> float:
            return 0.75 if grade.correct else 0.0

    partial = Partial(str(groups_folder / "attempts.parquet"))
    with pytest.raises(ConfigError, match=r"NegativeAware knows right and wrong.*reward 0.75.*reward: correct, or use"):
        train(NegativeAware(), data=groups(rendering=partial))
    train(GroupAdvantage(), data=groups(rendering=partial), max_steps=1)


def test_a_run_goes_on_with_the_policy_it_was_started_with(
    tiny: Any, groups: Any, trainer: Any, groups_folder: Path, tmp_path: Path
) -> None:
    def module(seed: int = 0) -> VerifiedModule:
        return VerifiedModule(
            tiny(seed=seed), NegativeAware(), reference_weight=0.1, optimizer=lambda p: torch.optim.SGD(p, lr=5.0)
        )

    def weights(made: VerifiedModule) -> dict[str, torch.Tensor]:
        return dict(made.model.state_dict())

    def run(made: VerifiedModule, folder: str, *callbacks: Callback, **settings: Any) -> VerifiedModule:
        saving = UpdateCheckpoint(every_updates=1)
        built = trainer(saving, *callbacks, default_root_dir=tmp_path / folder, enable_checkpointing=True)
        built.fit(made, groups(7), **settings)
        return made

    class Killed(Callback):
        def on_train_batch_start(self, trainer: Any, module: Any, batch: Any, index: int) -> None:
            if index == 1:
                raise ZeroDivisionError("killed")

    whole = run(module(), "whole")
    with pytest.raises(ZeroDivisionError, match="killed"):
        run(module(), "broken", Killed())
    last = RunFolder(tmp_path / "broken").checkpoint
    resumed = run(module(), "broken", ckpt_path=last)
    start = module()
    start.configure_model()
    assert all(torch.equal(tensor, weights(whole)[name]) for name, tensor in weights(resumed).items())
    assert any(not torch.equal(tensor, weights(whole)[name]) for name, tensor in weights(start).items())

    policy = tmp_path / "broken" / "policy.parquet"
    mine = policy.read_bytes()
    policy.unlink()
    with pytest.raises(DataError, match=r"cannot be read from .*policy.parquet.*that lightning_modules.log_policy"):
        run(module(), "broken", ckpt_path=last)
    other_policy(groups_folder, policy, tiny(seed=1))
    with pytest.raises(CheckpointMismatch, match=r"of another student.*this run started from.*Restore the file, or"):
        run(module(), "broken", ckpt_path=last)
    policy.write_bytes(mine)
    run(module(), "broken", ckpt_path=last)


def test_a_policy_of_other_answers_is_refused(
    train: Any, tiny: Any, groups: Any, groups_folder: Path, tmp_path: Path
) -> None:
    some = AnswerGroups(str(groups_folder / "attempts.parquet"), answers_per_question=2)
    log_policy(tiny(), groups_folder / "prompts.parquet", some, tmp_path / "policy.parquet")
    with pytest.raises(CheckpointMismatch, match=r"of \d+ sequences, but lacks those of \d+ of the 24.*Make it again"):
        train(NegativeAware(), policy=str(tmp_path / "policy.parquet"))
    with pytest.raises(DataError, match=r"has the columns prompt_id.*needed are sequence, log_prob.*Correct the path"):
        train(NegativeAware(), policy=str(groups_folder / "attempts.parquet"))
    train(NegativeAware(), policy=str(tmp_path / "policy.parquet"), data=groups(answers_per_question=2), max_steps=1)
