from __future__ import annotations

import logging
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch import Callback, Trainer
from transformers import AutoModelForSequenceClassification

from lessons.errors import BadInput
from lessons.records import Annotation, Message, Prompt, Provenance
from lessons.tables import write_annotations, write_prompts
from lightning_modules import CurriculumDataModule, DualHeadDistillation, ScoreDistillation
from students import (
    Adapted,
    AnswerOnly,
    ClassifiedQuestions,
    LoRA,
    Pretrained,
    RandomWeights,
    ScoredTexts,
    Scorer,
    Student,
    Weights,
    score_texts,
)

SOURCE = Provenance(teacher="Recorded", model="none", template="judgement/1", request_key="none")
LABELS = ["even", "odd"]


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """12 questions with one to four texts of very different lengths, each judged, and a teacher's logits of classes."""
    folder, draw = tmp_path_factory.mktemp("judged"), random.Random(3)
    prompts, annotations = [], []
    for number in range(12):
        prompts.append(Prompt(f"p{number}", (Message("user", f"is {number} even?"),), reference=LABELS[number % 2]))
        for sample in range(1 + number % 4):
            text = "well, " * draw.choice([0, 1, 7, 40]) + f"try {sample}"
            annotations.append(Annotation(f"p{number}", "rationale", sample, text, SOURCE))
            for judge in range(1 + sample % 2):
                found = Annotation(
                    f"p{number}", "judgement", 2 * sample + judge, "", SOURCE, value=draw.random(), subject=text
                )
                annotations.append(found)
        logits = {label: draw.gauss(0, 2) for label in LABELS}
        annotations.append(Annotation(f"p{number}", "class_scores", 0, "", SOURCE, data={"logits": logits}))
    write_prompts(folder / "prompts.parquet", prompts)
    write_annotations(folder / "lessons.parquet", annotations)
    return folder


@pytest.fixture
def fit(judged: Path, trainer: Callable[..., Trainer]) -> Callable[..., Any]:
    class Gradients(Callback):
        def on_before_optimizer_step(self, trainer: Trainer, pl_module: Any, optimizer: Any) -> None:
            found = {name: p.grad for name, p in pl_module.named_parameters() if p.grad is not None}
            self.gradients = {name: gradient.clone() for name, gradient in found.items()}
            self.loss = float(pl_module.update_loss)

    def run(
        module: Any, rendering: Any, micro_batches: int = 1, precision: str = "64-true", max_steps: int = 1, **more: Any
    ) -> Any:
        seen = Gradients()
        data = CurriculumDataModule(
            str(judged / "prompts.parquet"), rendering, str(judged / "lessons.parquet"), lessons_per_update=8
        )
        callbacks = [seen, *more.pop("callbacks", [])]
        built = trainer(*callbacks, accumulate_grad_batches=micro_batches, precision=precision, max_steps=max_steps)
        built.fit(module, data, **more)
        seen.data, seen.trainer = data, built
        return seen

    return run


def scorer(labels: list[str] | None = None, adapter: LoRA | None = None, source: Weights | None = None) -> Scorer:
    weights = source or RandomWeights(hidden_size=16, layers=2, heads=2)
    return Scorer(weights, labels, adapter=adapter, precision="float32")


MODULES: dict[str, tuple[Callable[..., Any], Any]] = {
    "margins": (lambda **s: ScoreDistillation(scorer(), scale=4.0, **s), ScoredTexts(scored_by="judgement")),
    "scores": (lambda **s: ScoreDistillation(scorer(), "scores", **s), ScoredTexts(scored_by="judgement", fewest=1)),
    "dual head": (lambda **s: DualHeadDistillation(scorer(LABELS), **s), ClassifiedQuestions()),
}


@pytest.mark.parametrize("name", MODULES)
def test_half_precision_trains(name: str, fit: Callable[..., Any]) -> None:
    build, rendering = MODULES[name]
    whole, mixed, half = (fit(build(), rendering, 2, kind) for kind in ("32-true", "bf16-mixed", "bf16-true"))
    assert [mixed.loss, half.loss] == pytest.approx([whole.loss] * 2, rel=3e-2)


def test_margins_equal_a_reference_written_by_hand(fit: Callable[..., Any]) -> None:
    """The scores of the texts one by one, by the function that users have, and pairs in a double loop."""
    build, rendering = MODULES["margins"]
    seen = fit(build(), rendering, 4)
    lessons = list(seen.data.lessons_of_plan)
    learnt = [lesson for lesson in lessons if len(rendering.exercises(lesson)) > 1][:8]
    total, texts = 0.0, 0
    for lesson in learnt:
        exercises = rendering.exercises(lesson)
        pairs = [(e.messages, e.answer) for e in exercises]
        mine = [row[0] for row in score_texts(scorer(), pairs, batch_size=1)]
        other = [4.0 * e.reward for e in exercises]
        n = len(exercises)
        for i in range(n):
            errors = [((mine[i] - mine[j]) - (other[i] - other[j])) ** 2 for j in range(n) if j != i]
            total += sum(errors) / len(errors)
        texts += n
    assert texts > 16
    assert seen.loss == pytest.approx(total / texts, rel=1e-5)


def test_both_heads_equal_a_reference_written_by_hand(fit: Callable[..., Any]) -> None:
    module = DualHeadDistillation(scorer(LABELS), label_weight=0.5, logit_weight=0.25, temperature=3.0)
    seen = fit(module, ClassifiedQuestions(), 2)
    student = scorer(LABELS)
    second = torch.nn.init.normal_(torch.empty(2, 16), std=0.25, generator=torch.Generator().manual_seed(1))
    total = torch.zeros(())
    for lesson in list(seen.data.lessons_of_plan)[:8]:
        ids = torch.tensor([student.encoder.prompt_ids(lesson.prompt.messages)])
        state = student.model.model(input_ids=ids).last_hidden_state[0, -1]
        label = LABELS.index(lesson.prompt.reference)
        given = lesson.annotation("class_scores").data["logits"]
        p = torch.sigmoid(torch.tensor([given[name] for name in LABELS]) / 3)
        q = torch.sigmoid(second @ state / 3)
        divergence = (p * (p / q).log() + (1 - p) * ((1 - p) / (1 - q)).log()).sum()
        total = total + 0.5 * -(student.head(state).log_softmax(0)[label]) + 0.25 * 9 * divergence
    assert seen.loss == pytest.approx(float(total.detach()) / 8, rel=1e-5)


def test_a_run_goes_on_from_a_checkpoint_to_the_last_bit_and_exports_one_head(
    fit: Callable[..., Any], tmp_path: Path
) -> None:
    path = tmp_path / "a.ckpt"

    class Saving(Callback):
        def on_train_batch_end(self, trainer: Trainer, *_: Any) -> None:
            if trainer.global_step == 1 and not path.exists():
                trainer.save_checkpoint(path)

    def train(**settings: Any) -> Any:
        module = DualHeadDistillation(scorer(LABELS), optimizer=lambda p: torch.optim.AdamW(p, lr=0.01))
        fit(module, ClassifiedQuestions(), 2, "32-true", 2, **settings)
        return module

    whole, resumed = train(callbacks=[Saving()]), train(ckpt_path=path)
    for name, tensor in whole.state_dict().items():
        assert torch.equal(tensor, resumed.state_dict()[name]), name
    assert "second_head.weight" in torch.load(path, weights_only=True)["state_dict"]
    exported = AutoModelForSequenceClassification.from_pretrained(whole.student.export(tmp_path / "student"))
    assert set(exported.state_dict()) == set(whole.model.state_dict())
    assert torch.equal(exported.score.weight, whole.scorer.head.weight)


ADAPTED: dict[str, tuple[list[str] | None, Callable[..., Any], Any]] = {
    "margins": (None, ScoreDistillation, ScoredTexts(scored_by="judgement")),
    "dual head": (LABELS, DualHeadDistillation, ClassifiedQuestions()),
}


@pytest.mark.parametrize("name", ADAPTED)
def test_an_adapter_and_the_head_are_trained_saved_resumed_and_exported(
    name: str, fit: Callable[..., Any], tmp_path: Path
) -> None:
    labels, kind, rendering = ADAPTED[name]
    path = tmp_path / "a.ckpt"

    class Saving(Callback):
        def on_train_batch_end(self, trainer: Trainer, *_: Any) -> None:
            if trainer.global_step == 1 and not path.exists():
                trainer.save_checkpoint(path)

    def train(**settings: Any) -> Any:
        student = scorer(labels, LoRA(rank=2))
        module = kind(student=student, optimizer=lambda p: torch.optim.AdamW(p, lr=0.02))
        fit(module, rendering, 2, "32-true", 2, **settings)
        return module

    whole, resumed = train(callbacks=[Saving()]), train(ckpt_path=path)
    for key, tensor in whole.state_dict().items():
        assert torch.equal(tensor, resumed.state_dict()[key]), key
    heads = {"model.base_model.model.score.modules_to_save.default.weight"} | (
        {"second_head.weight"} if labels else set()
    )
    saved = set(torch.load(path, weights_only=True)["state_dict"])
    assert heads < saved
    assert all(".lora_" in key for key in saved - heads)
    student = whole.student
    assert not torch.equal(student.head.weight, scorer(labels).head.weight)
    texts = [([Message("user", f"is {k} even?")], None if labels else "try it") for k in range(4)]
    expected = torch.tensor(score_texts(student, texts))
    assert (expected - torch.tensor(score_texts(scorer(labels), texts))).abs().max() > 0.02
    merged = Pretrained(str(student.export(tmp_path / "merged")))
    alone = Adapted(scorer().weights, [str(student.export_adapter(tmp_path / "adapter"))])
    for source in (merged, alone):
        again = scorer(labels, source=source)
        torch.testing.assert_close(torch.tensor(score_texts(again, texts)), expected, rtol=1e-4, atol=1e-5)


def test_the_losses_are_explained(fit: Callable[..., Any], caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="lightning_modules"):
        for build, rendering in MODULES.values():
            fit(build(), rendering)
    said = " ".join(record.getMessage() for record in caplog.records)
    assert "Loss of a text = ((S - S') - (T - T'))^2 over a prompt's pairs, with T 4 times the teachers' scores" in said
    assert "Loss of a question = 1 * cross-entropy of its class + 1 * BinaryKL of the second head at T = 2" in said


def plain() -> Student:
    return Student(RandomWeights(hidden_size=16, layers=1, heads=2), precision="float32")


TEXTS, QUESTIONS = ScoredTexts(scored_by="judgement"), ClassifiedQuestions()


@pytest.mark.parametrize(
    ("module", "rendering", "message"),
    [
        (lambda: ScoreDistillation(plain()), TEXTS, r"got a Student, which writes text. Needed is.*students.Scorer"),
        (lambda: ScoreDistillation(scorer(LABELS)), TEXTS, r"labels \['even', 'odd'\].*use lightning_modules.DualHead"),
        (lambda: ScoreDistillation(scorer(), scale=0.0), TEXTS, r"scale=0.0. Needed are one score"),
        (lambda: ScoreDistillation(scorer()), AnswerOnly(), r"texts without a score. Needed is.*students.ScoredTexts"),
        (
            lambda: ScoreDistillation(scorer()),
            ScoredTexts(scored_by="judgement", fewest=1, most=1),
            r"Every prompt has a single text, so there is no margin.*set `learn: scores`",
        ),
        (lambda: DualHeadDistillation(scorer()), QUESTIONS, r"a scorer without labels.*Give student.init_args.labels"),
        (lambda: DualHeadDistillation(scorer(LABELS), temperature=0), QUESTIONS, r"temperature=0. Allowed.*Correct"),
        (lambda: DualHeadDistillation(scorer(LABELS)), TEXTS, r"rendering ScoredTexts. Needed is.*ClassifiedQuestions"),
        (
            lambda: DualHeadDistillation(scorer(["no", "odd"])),
            QUESTIONS,
            r"'even', which is none of the scorer's labels",
        ),
        (lambda: DualHeadDistillation(scorer([*LABELS, "no"])), QUESTIONS, r"Needed is a number for each of even, odd"),
    ],
)
def test_what_does_not_go_together_is_refused_before_the_first_step(
    module: Any, rendering: Any, message: str, fit: Callable[..., Any]
) -> None:
    with pytest.raises(BadInput, match=message):
        fit(module(), rendering)
