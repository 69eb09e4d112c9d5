from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch import Callback
from outspoken import pupil, teacher

from curricula import Curriculum
from lessons.errors import ConfigError
from lessons.lesson_set import LessonSet
from lightning_modules import (
    AdaptiveShare,
    ForwardKL,
    GeneralizedJSD,
    LogitDistillation,
    OnPolicyDistillation,
    ProbeLosses,
    RandomState,
    Replay,
    ReverseKL,
    SampledReverseKL,
    Sampling,
    SkewReverseKL,
)
from students import LoRA, QuestionOnly, RationaleThenAnswer, Student, TwoTask, render_all
from students.decoding import stream

LONGEST = 12


@pytest.fixture
def distil() -> Callable[..., OnPolicyDistillation]:
    """A module with a small student and a teacher of another width."""

    def build(divergence: Any = None, taught_by: Student | None = None, **settings: Any) -> Any:
        student = settings.pop("student", None) or pupil()
        settings.setdefault("sampling", Sampling(max_new_tokens=LONGEST))
        return OnPolicyDistillation(student, taught_by or teacher(), divergence or ForwardKL(), **settings)

    return build


class Seen(Callback):
    """Keeps every micro-batch as callbacks and losses see it."""

    def __init__(self) -> None:
        self.batches: list[Any] = []

    def on_train_batch_start(self, trainer: Any, pl_module: Any, batch: Any, batch_idx: int) -> None:
        self.batches.append(batch)


def same(left: Any, right: Any, rtol: float, atol: float) -> None:
    assert len(left.steps) == len(right.steps) >= 1
    assert left.losses == pytest.approx(right.losses, rel=rtol, abs=atol)
    for mine, other in zip(left.steps, right.steps, strict=True):
        assert mine.keys() == other.keys()
        for name in mine:
            torch.testing.assert_close(mine[name], other[name], rtol=rtol, atol=atol)


def answered_by_hand(model: Any, prompt: list[int], name: bytes, stops: list[int]) -> list[int]:
    """Answer one prompt without batch, padding or cache: each token where its number falls among probabilities."""
    written: list[int] = []
    for number in stream(name, LONGEST):
        p = torch.softmax(model(input_ids=torch.tensor([prompt + written])).logits[0, -1], 0)
        ranked = sorted(range(len(p)), key=lambda token: -float(p[token]))
        reached = 0.0
        for token in ranked:
            reached += float(p[token])
            if reached > number:
                break
        written.append(token)
        if token in stops:
            break
    return written


@pytest.mark.parametrize("rendering", [RationaleThenAnswer(), TwoTask()], ids=["one part", "two parts"])
def test_answers_loss_and_gradients_equal_a_reference_written_by_hand(
    fit: Callable[..., Any], distil: Callable[..., Any], round_folder: Path, rendering: Any
) -> None:
    module = distil(ReverseKL(), temperature=2.0, supervised_weight=0.25)  # whose text is not learnt on answers
    seen = fit(4, "64-true", rendering=rendering, module=module, max_steps=1)
    mine, other = (s.weights.load(torch.float32).model.double() for s in (pupil(), teacher()))
    lessons = LessonSet.read(round_folder / "prompts.parquet", round_folder / "lessons.parquet", target="rationale")
    encoder = pupil().encoder
    examples = render_all(rendering, lessons, encoder).examples
    order = [example for name in lessons.at(list(range(len(lessons)))) for example in examples[name.id]]
    ids = list(Curriculum.read(round_folder).lesson_ids)
    sequence_of = numbers(ids, examples)
    sums = {part: torch.zeros((), dtype=torch.float64) for part in rendering.parts}
    totals = dict.fromkeys(rendering.parts, 0)
    lengths = []
    for name in ids[:8]:
        for example, number in zip(examples[name], sequence_of[name], strict=True):
            prompt = example.input_ids[: example.weights.index(1.0)]
            with torch.no_grad():
                answer = answered_by_hand(mine, prompt, b"answer/0/0/%d/0" % number, encoder.stop_ids)
            lengths.append(len(answer))
            text = torch.tensor([prompt + answer])
            z, z_teacher = mine(input_ids=text).logits[0], other(input_ids=text).logits[0].detach()
            for t in range(len(prompt), len(prompt) + len(answer)):
                p, q = torch.softmax(z_teacher[t - 1] / 2, 0), torch.softmax(z[t - 1] / 2, 0)
                sums[example.part] = sums[example.part] + 4 * (q * (q / p).log()).sum()
                totals[example.part] += 1
    assert len(order) == len({k for found in sequence_of.values() for k in found})
    assert len(set(lengths)) > 1
    loss = sum((rendering.parts[part] * sums[part] / totals[part] for part in sums), torch.zeros(()))
    loss.backward()
    gradients = {f"model.{name}": p.grad for name, p in mine.named_parameters()}
    assert seen.losses[0] == pytest.approx(float(loss.detach()), rel=1e-9)
    assert seen.steps[0].keys() == gradients.keys()
    for name, gradient in seen.steps[0].items():
        torch.testing.assert_close(gradient, gradients[name], rtol=1e-8, atol=1e-11)


def numbers(ids: list[str], examples: dict[str, Any]) -> dict[str, list[int]]:
    """The number of every training sequence: lessons are rendered once each, as they come in the files of the round."""
    counted: dict[str, list[int]] = {}
    for name in examples:
        start = sum(map(len, counted.values()))
        counted[name] = list(range(start, start + len(examples[name])))
    return counted


@pytest.mark.parametrize(
    "settings",
    [
        {"divergence": GeneralizedJSD(0.3), "student_share": 0.5, "supervised_weight": 0.25},
        {"policy_gradient": SampledReverseKL("exact", "mean")},
        {"sampling": Sampling(max_new_tokens=LONGEST, truncated="leave_out", samples=2)},
    ],
    ids=["gkd", "minillm", "two answers, truncated ones left out"],
)
def test_gradients_do_not_depend_on_the_split_into_micro_batches(fit: Any, distil: Any, settings: Any) -> None:
    whole = fit(1, "64-true", module=distil(**settings), max_steps=4)
    assert len(whole.steps) == 4
    for micro_batches in (2, 8):
        same(fit(micro_batches, "64-true", module=distil(**settings), max_steps=4), whole, rtol=1e-9, atol=1e-12)


def test_without_a_share_it_is_logit_distillation_to_the_bit(fit: Any, distil: Any) -> None:
    settings: dict[str, Any] = {"supervised_weight": 0.25, "temperature": 2.0}
    students = [pupil(LoRA(rank=2, dropout=0.3)) for _ in range(2)]
    torch.manual_seed(1)
    mine = fit(2, module=distil(student=students[0], student_share=0.0, **settings))
    torch.manual_seed(1)
    other = fit(2, module=LogitDistillation(students[1], teacher(), ForwardKL(), **settings))
    same(mine, other, rtol=0, atol=0)


def test_sampling_draws_no_random_numbers_of_the_run(fit: Any, distil: Any) -> None:
    """Dropout of the later updates must not depend on whether the first was sampled."""
    states = []
    for share in (0.0, 1.0):
        torch.manual_seed(1)
        fit(module=distil(student_share=share), max_steps=1)
        states.append(torch.get_rng_state())
    assert torch.equal(*states)


def test_a_student_like_its_teacher_has_nothing_to_learn(fit: Any, distil: Any) -> None:
    for settings in ({}, {"policy_gradient": SampledReverseKL("sampled", "mean")}):
        seen = fit(2, "64-true", module=distil(ReverseKL(), pupil(), **settings), max_steps=1)
        assert seen.losses == pytest.approx([0.0], abs=1e-12)
        assert max(float(gradient.abs().max()) for gradient in seen.steps[0].values()) < 1e-12


@pytest.mark.parametrize(
    "policy_gradient",
    [None, SampledReverseKL(), SampledReverseKL("exact", "mean")],
    ids=["exact", "sampled", "minillm"],
)
def test_the_student_comes_closer_to_its_teacher_on_its_own_answers(
    data: Any, trainer: Any, policy_gradient: Any
) -> None:
    """The exact reverse KL on fresh answers falls; uphill, it rises."""
    ends = {}
    for sign in (1, -1):
        module = OnPolicyDistillation(
            pupil(), teacher(), ReverseKL(),
            Sampling(max_new_tokens=LONGEST, samples=4), policy_gradient=policy_gradient,
            optimizer=lambda p, sign=sign: torch.optim.AdamW(p, lr=1e-2, maximize=sign < 0),
        )  # fmt: skip
        found: list[float] = []
        built = trainer(Divergences(found))
        built.fit(module, data(8))
        ends[sign] = found
    assert ends[1][0] == ends[-1][0]
    assert ends[1][-1] < 0.9 * ends[1][0]
    assert ends[-1][-1] > 1.2 * ends[-1][0]


class Divergences(Callback):
    """Keeps the divergence of every update."""

    def __init__(self, found: list[float]) -> None:
        self.found = found

    def on_train_batch_end(self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        self.found.append(float(trainer.callback_metrics["divergence"]))


DISTILLM: dict[str, Any] = {
    "divergence": SkewReverseKL(0.1),
    "optimizer": lambda parameters: torch.optim.AdamW(parameters, lr=1e-2),
}


def distillm(distil: Any) -> OnPolicyDistillation:
    """All that has a state: dropout, Adam, a share that rises, answers that are replayed."""
    module: OnPolicyDistillation = distil(
        student=pupil(LoRA(rank=2, dropout=0.3)),
        sampling=Sampling(max_new_tokens=LONGEST, replay=Replay(capacity=18, oldest_updates=4, anew="half")),
        student_share=AdaptiveShare(ProbeLosses(4), "probe_loss", every_updates=2, start=0.7, step=0.1, tolerance=0.0),
        **DISTILLM,
    )
    return module


class SaveAll(Callback):
    """Saves a checkpoint after every update."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def on_train_batch_end(self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        if batch.plan.closes_update:
            trainer.save_checkpoint(self.folder / f"{trainer.global_step}.ckpt")


def test_a_run_goes_on_from_any_update_as_if_it_had_never_stopped(
    distil: Any, data: Any, trainer: Any, tmp_path: Path
) -> None:
    def run(folder: Path, start: Path | None = None) -> tuple[dict[str, Any], Any, list[Any]]:
        seen, module = Seen(), distillm(distil)
        built = trainer(RandomState(), seen, SaveAll(folder), accumulate_grad_batches=2)
        built.fit(module, data(7), ckpt_path=start, weights_only=True)  # a lesson comes again after three updates
        return torch.load(folder / "6.ckpt", weights_only=True), module.sampled_updates, seen.batches

    end, updates, batches = run(tmp_path)
    assert len(batches) == 12
    assert len({kept.update for kept in updates.sampling.replay.kept.values()}) > 3
    assert 0 < updates.figures.anew_share < 1
    assert updates.share.share() > 0.7
    for cut in range(1, 6):
        torch.manual_seed(cut)  # whatever the generators did before
        found, _, later = run(tmp_path / "again", tmp_path / f"{cut}.ckpt")
        for part in ("state_dict", "sampling"):
            assert alike(found[part], end[part]), cut
        for mine, other in zip(later, batches[2 * cut :], strict=True):
            assert torch.equal(mine.input_ids, other.input_ids)
            assert torch.equal(mine.targets, other.targets)


def alike(left: Any, right: Any) -> bool:
    """Whether two nested states are equal to the bit."""
    if isinstance(left, dict):
        return left.keys() == right.keys() and all(alike(left[name], right[name]) for name in left)
    return torch.equal(left, right) if isinstance(left, torch.Tensor) else left == right


def test_questions_that_nobody_answered_are_answered_by_the_student_alone(
    fit: Any, distil: Any, data: Any, trainer: Any
) -> None:
    """The answers, and so the gradients, are those to lessons that have an answer: it is never read."""
    alone = fit(2, "64-true", rendering=QuestionOnly(), module=distil(), max_steps=2)
    same(alone, fit(2, "64-true", rendering=RationaleThenAnswer(), module=distil(), max_steps=2), rtol=1e-9, atol=1e-12)
    for module in (distil(student_share=0.9), distil(student_share=AdaptiveShare(ProbeLosses(4), start=1.0))):
        with pytest.raises(ConfigError, match=r"QuestionOnly shows.*OnPolicyDistillation would learn to say nothing"):
            trainer(max_steps=1).fit(module, data(8, QuestionOnly()))


def test_the_log_says_what_is_sampled_and_what_its_loss_is(
    fit: Any, distil: Any, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("INFO", logger="lightning_modules"):
        module = distil(student_share=0.99, policy_gradient=SampledReverseKL(future="mean"))
        fit(module=module, max_steps=1)
    said = " ".join(record.getMessage() for record in caplog.records)
    assert "Sampled updates (a share of 0.99): answers of up to 12 tokens, sampled at temperature 1" in said
    assert "advantage = log p - log q and the mean of the later tokens' (policy gradient)" in said
    assert "mean over all tokens of all answers of an update" in said
    found = module.trainer.callback_metrics
    assert {"divergence", "answer_tokens", "truncated_share", "anew_share", "student_share"} <= set(found)
    assert "nll" not in found
    assert 0 < float(found["answer_tokens"]) <= LONGEST


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"student_share": 1.5}, r"student_share is 1.5"),
        ({"sampling": Sampling(samples=0)}, r"samples = 0"),
        ({"policy_gradient": SampledReverseKL(), "temperature": 2.0}, r"divergence at temperature 2"),
        ({"supervised_weight": 1.0}, r"supervised weight is 1.0"),
    ],
)
def test_settings_that_cannot_work_are_refused_before_weights_are_read(
    distil: Any, data: Any, trainer: Any, settings: Any, message: str
) -> None:
    module = distil(**settings)
    with pytest.raises(ConfigError, match=message):
        trainer().fit(module, data(8))
    assert not module.student.built
