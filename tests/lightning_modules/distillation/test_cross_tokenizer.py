from __future__ import annotations

import logging
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch import Callback, Trainer

from curricula import Curriculum
from lessons.errors import CheckpointMismatch, ConfigError
from lessons.lesson_set import LessonSet
from lightning_modules import ForwardKL, GeneralizedJSD, LogitDistillation, ReverseKL
from lightning_modules.distillation.chunk_divergences import GOLD, ULD, ChunkDivergence
from lightning_modules.distillation.cross_tokenizer import CrossTokenizerDistillation
from students import (
    BytePairTokenizer,
    CharacterTokenizer,
    LoRA,
    RandomWeights,
    RationaleThenAnswer,
    Student,
    TokenizerRecipe,
)

PAIRS = BytePairTokenizer(["So. go on. go on. go on.", "Answer: 12", "Answer: 120", "34 + 51", "\nAnswer"], 300)
OWN_TEMPLATE = (
    "{{ bos_token }}{% for m in messages %}[{{ m['role'] }}] {{ m['content'] }}{{ eos_token }}\n{% endfor %}"
    "{% if add_generation_prompt %}[assistant] {% endif %}"
)


def teacher(tokenizer: TokenizerRecipe | None = PAIRS, **settings: Any) -> Student:
    sizes = {"hidden_size": 24, "layers": 1, "heads": 2, "seed": 9}
    given = {name: settings.pop(name) for name in ("adapter", "chat_template") if name in settings}
    return Student(RandomWeights(**{**sizes, **settings}, tokenizer=tokenizer), precision="float32", **given)


@pytest.fixture
def distil(tiny: Callable[..., Student]) -> Callable[..., CrossTokenizerDistillation]:
    """A module with the tiny student, which writes characters, and a teacher that writes byte pairs."""

    def build(divergence: ChunkDivergence | None = None, taught_by: Student | None = None, **settings: Any) -> Any:
        made = divergence or GOLD(ForwardKL())
        return CrossTokenizerDistillation(tiny(), taught_by or teacher(), made, **settings)

    return build


def same(left: Any, right: Any, rtol: float, atol: float) -> None:
    assert len(left.steps) == len(right.steps) >= 1
    assert left.losses == pytest.approx(right.losses, rel=rtol)
    for mine, other in zip(left.steps, right.steps, strict=True):
        assert mine.keys() == other.keys()
        for name in mine:
            torch.testing.assert_close(mine[name], other[name], rtol=rtol, atol=atol)


@pytest.mark.parametrize("temperature", [1.0, 2.0])
def test_with_the_students_own_tokenizer_it_is_logit_distillation(
    fit: Callable[..., Any], distil: Callable[..., Any], tiny: Any, temperature: float
) -> None:
    settings = {"supervised_weight": 0.25, "temperature": temperature}
    other = teacher(tokenizer=None)
    divergence = ReverseKL() if temperature == 1 else GeneralizedJSD(0.3)
    plain = LogitDistillation(tiny(), other, divergence, **settings)
    crossed = distil(GOLD(divergence), other, **settings)
    same(*(fit(2, "64-true", module=m, max_steps=1) for m in (crossed, plain)), rtol=1e-8, atol=1e-11)


def spelt(ids: list[int], tokenizer: Any) -> list[int]:
    """Return how many bytes are written after each token."""
    return [len(tokenizer.decode(ids[: k + 1]).encode()) for k in range(len(ids))]


def test_loss_and_gradients_equal_a_reference_written_by_hand(
    fit: Callable[..., Any], distil: Callable[..., Any], tiny: Any, round_folder: Path
) -> None:
    taught_by = teacher(chat_template=OWN_TEMPLATE)
    module = distil(ULD(), taught_by, supervised_weight=0.25, temperature=2.0)
    seen = fit(4, "64-true", module=module, max_steps=1)
    mine, other = (s.weights.load(torch.float32).model.double() for s in (tiny(), taught_by))
    lessons = LessonSet.read(round_folder / "prompts.parquet", round_folder / "lessons.parquet", target="rationale")
    by_id = {lesson.id: lesson for lesson in lessons}
    total, tokens = torch.zeros((), dtype=torch.float64), 0
    for name in Curriculum.read(round_folder).lesson_ids[:8]:
        exercise = RationaleThenAnswer().exercises(by_id[name])[0]
        sides = []
        for student, model in ((tiny(), mine), (taught_by, other)):
            prompt, answer = student.encoder.encode([(exercise.messages, exercise.answer)])[0]
            logits = model(input_ids=torch.tensor([prompt + answer])).logits[0, len(prompt) - 1 : -1]
            sides.append((answer, logits, spelt(answer, student.tokenizer)))
        (ids, z, ends), (other_ids, z_teacher, other_ends) = sides
        # The two names of the end of turn are of equal length here, so that ends agree to the last.
        common = [0, *sorted(set(ends) & set(other_ends))]
        tokens += len(ids)
        total = total + 0.25 * torch.nn.functional.cross_entropy(z, torch.tensor(ids), reduction="sum")
        for start, end in pairwise(common):
            sets = []
            for written, found, logits in ((ids, ends, z), (other_ids, other_ends, z_teacher.detach())):
                inside = [k for k in range(len(written)) if start < found[k] <= end]
                p = torch.softmax(logits[inside] / 2, -1)
                later = torch.stack(
                    [p[k, written[inside[k]]] for k in range(1, len(inside))] or [p.new_ones(())]
                ).prod()
                own = p[0, written[inside[0]]]
                rest = [x for v, x in enumerate(p[0]) if v != written[inside[0]]]
                outcomes = torch.stack([*rest, own * later, own * (1 - later)]).sort(descending=True).values
                sets.append(outcomes)
            width = max(map(len, sets))
            p, q = (torch.nn.functional.pad(side, (0, width - len(side))) for side in sets)
            total = total + 0.75 * 4 * (p - q).abs().sum()
    loss = total / tokens
    loss.backward()
    gradients = {f"model.{name}": p.grad for name, p in mine.named_parameters()}
    assert seen.losses[0] == pytest.approx(float(loss.detach()), rel=1e-9)
    assert seen.steps[0].keys() == gradients.keys()
    for name, gradient in seen.steps[0].items():
        torch.testing.assert_close(gradient, gradients[name], rtol=1e-7, atol=1e-10)


@pytest.mark.parametrize("precision", ["bf16-mixed", "bf16-true"])
def test_half_precision_trains(fit: Callable[..., Any], distil: Callable[..., Any], precision: str) -> None:
    whole, half = (fit(2, kind, module=distil(temperature=2.0), max_steps=1) for kind in ("32-true", precision))
    assert half.losses == pytest.approx(whole.losses, rel=2e-2)
    assert half.losses != whole.losses
    assert all(gradient.isfinite().all() for gradient in half.steps[0].values())


def test_the_teacher_reads_the_conversation_in_its_own_template(
    distil: Callable[..., Any], data: Any, trainer: Any
) -> None:
    module, lessons = distil(taught_by=teacher(chat_template=OWN_TEMPLATE)), data(8)
    trainer(max_steps=1).fit(module, lessons)
    batch = lessons.batches_of_plan.numbered(0)
    text = module.teacher.tokenizer.decode(batch.extras["teacher_ids"][0])
    assert text.startswith("<|begin|>[user] ")
    assert "[assistant] So." in text
    # All of the answer is in chunks, and the last chunk is the end of the turn on both sides.
    chunks, others = batch.extras["chunks"], batch.extras["teacher_chunks"]
    assert (chunks >= 0).all()
    assert sorted(set(chunks.tolist())) == sorted(set(others.tolist())) == list(range(int(chunks.max()) + 1))
    assert int(batch.targets[-1]) == module.student.encoder.end_of_turn
    assert int(batch.extras["teacher_targets"][-1]) == module.teacher.encoder.end_of_turn


def test_both_terms_are_logged_and_the_loss_is_explained(
    distil: Callable[..., Any], data: Any, trainer: Any, caplog: pytest.LogCaptureFixture
) -> None:
    module = distil(GOLD(ForwardKL(), matched_weight=0.5), supervised_weight=0.25, temperature=2.0)
    built = trainer(accumulate_grad_batches=2, max_steps=1)
    with caplog.at_level(logging.INFO, logger="lightning_modules"):
        built.fit(module, data(8))
    found = {name: float(built.callback_metrics[name]) for name in ("nll", "divergence", "loss")}
    assert found["loss"] == pytest.approx(0.25 * found["nll"] + 0.75 * 4 * found["divergence"], rel=1e-5)
    said = " ".join(record.getMessage() for record in caplog.records)
    assert "100.0% of" in said
    assert "0.25 * nll + 0.75 * 4 (T^2) * GOLD of its chunk / tokens of the chunk, at temperature 2" in said


class Whispering(TokenizerRecipe):
    """A tokenizer that changes what it is given."""

    def build(self) -> Any:
        from tokenizers.normalizers import Lowercase

        made = CharacterTokenizer().build()
        made.backend_tokenizer.normalizer = Lowercase()
        return made


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"supervised_weight": 1.5}, r"supervised weight is 1.5. Allowed are values from 0 to 1.*Correct"),
        ({"temperature": 0.0}, r"temperature is 0.0. Allowed are values above 0"),
        ({"divergence": GOLD(ForwardKL(), 2.0)}, r"matched_weight=2.0.*Allowed are values from 0 to 1.*Correct"),
        ({"divergence": GOLD(GeneralizedJSD(2.0))}, r"GeneralizedJSD got beta=2.0"),
        ({"taught_by": teacher(adapter=LoRA())}, r"has an adapter"),
        (
            {"taught_by": teacher(Whispering())},
            r"None of the \d+ supervised tokens.*Needed are two that keep it. Choose",
        ),
    ],
    ids=["weight", "temperature", "share", "divergence", "adapter", "spelling"],
)
def test_what_cannot_work_is_refused_before_anything_is_loaded(
    distil: Callable[..., Any], data: Any, trainer: Any, settings: dict[str, Any], message: str
) -> None:
    module = distil(**settings)
    with pytest.raises(ConfigError, match=message):
        trainer().fit(module, data(8))
    assert not module.student.built


class Saving(Callback):
    """Writes a checkpoint after the second update."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def on_train_batch_end(self, trainer: Trainer, *_: Any) -> None:
        if trainer.global_step == 2 and not self.path.exists():
            trainer.save_checkpoint(self.path)


def test_a_run_goes_on_from_a_checkpoint_to_the_last_bit_and_only_with_its_teacher(
    distil: Callable[..., Any], data: Any, trainer: Any, tmp_path: Path
) -> None:
    path = tmp_path / "a.ckpt"

    def train(*callbacks: Callback, resume: Path | None = None, **settings: Any) -> Any:
        module = distil(optimizer=lambda parameters: torch.optim.AdamW(parameters, lr=0.01), **settings)
        trainer(*callbacks, max_steps=4, accumulate_grad_batches=2).fit(module, data(4), ckpt_path=resume)
        return module.model.state_dict()

    whole, resumed = train(Saving(path)), train(resume=path)
    for name, tensor in whole.items():
        assert torch.equal(tensor, resumed[name]), name
    state = torch.load(path, weights_only=True)["state_dict"]
    assert set(state) == {f"model.{name}" for name in whole}
    assert not torch.equal(state["model.lm_head.weight"], whole["lm_head.weight"])
    with pytest.raises(CheckpointMismatch, match=r"taught by another teacher.*Restore them, or"):
        train(resume=path, taught_by=teacher(seed=8))
