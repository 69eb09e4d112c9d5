"""Students with an encoder and a decoder train like the others: by the same data module, losses and checkpoints."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch import Callback, Trainer
from transformers import T5Config, T5ForConditionalGeneration

from curricula import Curriculum
from lessons.errors import ConfigError
from lessons.lesson_set import LessonSet
from lightning_modules import FeatureDistillation, HiddenCosine, LogitDistillation, ReverseKL, SupervisedModule
from students import BytePairTokenizer, Pretrained, Student, TwoTask


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A T5 with random weights and no dropout, as a folder."""
    made = tmp_path_factory.mktemp("t5")
    tokenizer = BytePairTokenizer(["So. go on. go on.", "Answer: 12", "Answer: 120"], 290).build()
    tokenizer.chat_template = None
    config = T5Config(
        vocab_size=len(tokenizer), d_model=16, d_kv=8, d_ff=32, num_layers=2, num_heads=2, dropout_rate=0.0,
        decoder_start_token_id=tokenizer.pad_token_id, eos_token_id=tokenizer.eos_token_id,
    )  # fmt: skip
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        T5ForConditionalGeneration(config).save_pretrained(made)
    tokenizer.save_pretrained(made)
    return made


@pytest.fixture
def t5(folder: Path) -> Callable[[], Student]:
    return lambda: Student(Pretrained(str(folder)), precision="float32")


def test_the_two_tasks_equal_a_reference_written_by_hand(
    fit: Callable[..., Any], t5: Callable[[], Student], round_folder: Path
) -> None:
    """Distilling Step-by-Step, which trained T5: the mean over the tokens of each task, weighted."""
    rendering = TwoTask()
    seen = fit(4, module=SupervisedModule(t5()), rendering=rendering, max_steps=1)
    model, encoder = t5().model, t5().encoder
    lessons = LessonSet.read(round_folder / "prompts.parquet", round_folder / "lessons.parquet", target="rationale")
    by_id = {lesson.id: lesson for lesson in lessons}
    sums, counts = dict.fromkeys(rendering.parts, torch.zeros(())), dict.fromkeys(rendering.parts, 0)
    for name in Curriculum.read(round_folder).lesson_ids[:8]:
        for exercise in rendering.exercises(by_id[name]):
            prompt, written = encoder.encode([(exercise.messages, exercise.answer)])[0]
            logits = model(input_ids=torch.tensor([prompt]), labels=torch.tensor([written])).logits[0]
            nll = torch.nn.functional.cross_entropy(logits, torch.tensor(written), reduction="sum")
            sums[exercise.part], counts[exercise.part] = sums[exercise.part] + nll, counts[exercise.part] + len(written)
    loss = sum((rendering.parts[part] * sums[part] / counts[part] for part in sums), torch.zeros(()))
    loss.backward()
    assert seen.losses[0] == pytest.approx(float(loss.detach()), rel=1e-5)
    for name, parameter in model.named_parameters():
        torch.testing.assert_close(seen.steps[0][f"model.{name}"], parameter.grad, rtol=1e-3, atol=1e-5)


def test_gradients_do_not_depend_on_the_split_into_micro_batches(
    fit: Callable[..., Any], t5: Callable[[], Student]
) -> None:
    whole = fit(1, module=SupervisedModule(t5()), rendering=TwoTask(), max_steps=1)
    for micro_batches in (2, 4, 8):
        part = fit(micro_batches, module=SupervisedModule(t5()), rendering=TwoTask(), max_steps=1)
        assert part.losses == pytest.approx(whole.losses, rel=1e-5)
        for name, gradient in whole.steps[0].items():
            torch.testing.assert_close(part.steps[0][name], gradient, rtol=1e-3, atol=1e-6)


def test_a_teacher_of_this_sort_teaches_its_logits(fit: Callable[..., Any], t5: Callable[[], Student]) -> None:
    module = LogitDistillation(t5(), t5(), ReverseKL(), supervised_weight=0.0)
    seen = fit(2, module=module, max_steps=1)
    assert seen.losses == pytest.approx([0.0], abs=1e-6)  # its own copy


def test_a_run_goes_on_from_a_checkpoint_to_the_last_bit(
    t5: Callable[[], Student], data: Any, trainer: Callable[..., Trainer], tmp_path: Path
) -> None:
    path = tmp_path / "a.ckpt"

    class Saving(Callback):
        def on_train_batch_end(self, trainer: Trainer, *_: Any) -> None:
            if trainer.global_step == 1 and not path.exists():
                trainer.save_checkpoint(path)

    def train(*callbacks: Callback, resume: Path | None = None) -> Any:
        module = SupervisedModule(t5(), optimizer=lambda parameters: torch.optim.AdamW(parameters, lr=0.01))
        trainer(*callbacks, max_steps=2, accumulate_grad_batches=2).fit(module, data(4), ckpt_path=resume)
        return module.state_dict()

    whole, resumed = train(Saving()), train(resume=path)
    assert all(torch.equal(tensor, resumed[name]) for name, tensor in whole.items())


def test_its_blocks_are_not_compared(t5: Callable[[], Student], data: Any, trainer: Callable[..., Trainer]) -> None:
    with pytest.raises(ConfigError, match=r"is a sequence-to-sequence model.*Allowed for `features` are causal models"):
        trainer().fit(FeatureDistillation(t5(), t5(), [HiddenCosine()]), data(8))
