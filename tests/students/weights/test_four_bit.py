"""QLoRA: weights in four bits with an adapter, from loading to both exports."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, pipeline

from lessons.errors import ConfigError, MissingDependency
from lessons.records import Message
from students import (
    Adapted,
    FourBit,
    Generation,
    LoRA,
    Pretrained,
    PrunedCopy,
    RandomWeights,
    Scorer,
    Student,
    answer,
    score_texts,
)
from students.frozen import load_frozen
from students.lora import quiet_peft
from tests.students.conftest import ask, tiny_weights

KINDS = {"LoRA": LoRA(rank=4), "DoRA": LoRA(rank=4, dora=True)}
ASKED = [ask("12+3=?"), ask("4"), ask("what is 7+8-9?")]


def tiny(seed: int = 0) -> RandomWeights:
    return tiny_weights(seed, hidden_size=64)


def trained(student: Student) -> Student:
    """Give the adapter values that change what the student says."""
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for name, parameter in student.model.named_parameters():
            if "lora_B" in name:
                parameter.copy_(torch.randn(parameter.shape, generator=generator) * 0.1)
            if "magnitude" in name:
                parameter.mul_(1 + 0.2 * torch.rand(parameter.shape, generator=generator))
    return student


def logits(student: Student) -> torch.Tensor:
    ids = torch.tensor([student.encoder.prompt_ids(ask("1+1=?"))])
    found: torch.Tensor = student.model(ids).logits
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_only_the_adapter_is_trained_and_changes_nothing_at_first(kind: str) -> None:
    bare, student = Student(FourBit(tiny())), Student(FourBit(tiny()), KINDS[kind])
    torch.testing.assert_close(logits(student), logits(bare), rtol=1e-4, atol=1e-5)
    assert not torch.allclose(logits(bare), logits(Student(tiny())), atol=1e-3)
    student.model(torch.arange(5, 20)[None], labels=torch.arange(5, 20)[None]).loss.backward()
    named = dict(student.model.named_parameters())
    assert {n for n, p in named.items() if p.requires_grad} == {n for n, p in named.items() if p.grad is not None}
    assert {n for n, p in named.items() if p.requires_grad} == {n for n in named if ".lora_" in n}


@pytest.mark.parametrize("kind", KINDS)
def test_the_merged_export_is_ordinary_and_says_the_same(kind: str, tmp_path: Path) -> None:
    student = trained(Student(FourBit(tiny()), KINDS[kind]))
    folder = student.export(tmp_path / "student")
    config = json.loads((folder / "config.json").read_text())
    assert "quantization_config" not in config
    plain = AutoModelForCausalLM.from_pretrained(folder)
    assert plain.state_dict().keys() == tiny().load(torch.float32).model.state_dict().keys()
    again = Student(Pretrained(str(folder)))
    torch.testing.assert_close(logits(again), logits(student), rtol=1e-4, atol=1e-5)
    said = answer(student, ASKED, Generation(12))
    assert answer(again, ASKED, Generation(12)) == said
    writer = pipeline("text-generation", model=plain, tokenizer=AutoTokenizer.from_pretrained(folder), device="cpu")
    for messages, mine in zip(ASKED, said, strict=True):
        turns = [{"role": m.role, "content": m.content} for m in messages]
        (found,) = writer(turns, max_new_tokens=12, do_sample=False)
        assert found["generated_text"][-1]["content"] == mine.text


def test_the_adapter_is_written_alone_and_fits_four_bits_and_ordinary_weights(tmp_path: Path) -> None:
    from peft import PeftModel

    student = trained(Student(FourBit(tiny()), KINDS["LoRA"]))
    folder = student.export_adapter(tmp_path / "adapter")
    with quiet_peft():
        wrapped = PeftModel.from_pretrained(FourBit(tiny()).load(torch.float32).model, str(folder))
    ids = torch.tensor([student.encoder.prompt_ids(ask("1+1=?"))])
    torch.testing.assert_close(wrapped(ids).logits, logits(student), rtol=1e-5, atol=1e-6)
    # Merged into the weights as they were, also when they are quantised after that, it is close to what was trained.
    close = logits(Student(Adapted(tiny(), [str(folder)])))
    bare = logits(Student(tiny()))
    assert (close - logits(student)).norm() < 0.5 * (bare - logits(student)).norm()
    again = Student(FourBit(Adapted(tiny(), [str(folder)])))
    assert "nf4" in again.weights.name
    assert (logits(again) - logits(student)).norm() < 0.5 * (bare - logits(student)).norm()


def test_gradients_are_the_same_under_checkpointing() -> None:
    found = []
    for checkpointing in (False, True):
        student = trained(Student(FourBit(tiny()), KINDS["LoRA"], gradient_checkpointing=checkpointing))
        student.model.train()
        ids = torch.arange(5, 20)[None]
        student.model(ids, labels=ids, use_cache=False).loss.backward()
        found.append({name: p.grad for name, p in student.model.named_parameters() if p.grad is not None})
    assert len(found[0]) == 28
    for name, gradient in found[0].items():
        torch.testing.assert_close(found[1][name], gradient)


def test_a_scorer_has_its_decoder_in_four_bits_and_its_head_not(tmp_path: Path) -> None:
    student = trained(Scorer(FourBit(tiny()), adapter=LoRA(rank=4)))
    assert isinstance(student.head, torch.nn.Linear)
    assert student.head.weight.dtype == torch.float32
    texts = [([Message("user", f"{k}+1=?")], "yes") for k in range(3)]
    again = Scorer(Pretrained(str(student.export(tmp_path / "scorer"))))
    expected = torch.tensor(score_texts(student, texts))
    torch.testing.assert_close(torch.tensor(score_texts(again, texts)), expected, rtol=1e-4, atol=1e-5)
    folder = str(student.export_adapter(tmp_path / "adapter"))
    plain = torch.tensor(score_texts(Scorer(tiny()), texts))
    close = torch.tensor(score_texts(Scorer(Adapted(tiny(), [folder])), texts))
    assert (close - expected).norm() < 0.5 * (plain - expected).norm()


def test_fingerprints_tell_settings_apart() -> None:
    made = [FourBit(tiny()), FourBit(tiny(), False), FourBit(tiny(), compute="bfloat16")]
    assert len({weights.fingerprint for weights in [*made, FourBit(tiny(1)), tiny()]}) == 5
    assert FourBit(tiny()).fingerprint == made[0].fingerprint


def test_other_weights_are_held_alike() -> None:
    made = FourBit(tiny(), False, "bfloat16").alike(tiny(1))
    assert made.fingerprint == FourBit(tiny(1), False, "bfloat16").fingerprint
    assert tiny().alike(made) is made


def test_four_bits_come_last_and_once(tmp_path: Path) -> None:
    inner = FourBit(tiny())
    for outer in (FourBit(inner), PrunedCopy(inner, 1)):
        with pytest.raises(
            ConfigError, match=rf"{type(outer).__name__} got random-llama.*\[nf4\].*outermost, and only"
        ):
            outer.load(torch.float32)
    folder = trained(Student(tiny(), LoRA(rank=2))).export_adapter(tmp_path / "adapter")
    for student in (Student(Adapted(inner, [str(folder)])), Scorer(Adapted(inner, [str(folder)]))):
        with pytest.raises(ConfigError, match=r"Adapted got random-llama.*Allowed are sources of ordinary numbers"):
            _ = student.model
    assert isinstance(FourBit(PrunedCopy(tiny(), 1)).load(torch.float32).model, torch.nn.Module)


def test_without_an_adapter_it_answers_and_is_not_trained() -> None:
    student = Student(FourBit(tiny()))
    assert len(answer(student, [ask("1+1=?")], Generation(4))) == 1
    with pytest.raises(ConfigError, match=r"nf4\] holds its weights in four bits and has no adapter.*Needed is an ada"):
        student.check_trainable()
    Student(FourBit(tiny()), LoRA()).check_trainable()


@pytest.mark.parametrize("double", [False, True])
def test_it_teaches_as_a_frozen_teacher(double: bool) -> None:
    student = Student(FourBit(tiny()), precision="float32")
    split = load_frozen(student, torch.device("cpu"), double)
    ids = torch.arange(5, 20)[None]
    states = split.at(ids, torch.arange(15))
    found = states @ split.causal.get_output_embeddings().weight.T
    assert found.dtype == (torch.float64 if double else torch.float32)
    torch.testing.assert_close(found.float(), student.model(ids).logits[0], rtol=1e-4, atol=1e-4)


def test_without_bitsandbytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "bitsandbytes", None)
    monkeypatch.setitem(sys.modules, "bitsandbytes.nn", None)
    with pytest.raises(MissingDependency, match=r"need the package bitsandbytes.*pip install 'tutelage\[qlora\]'"):
        FourBit(tiny()).load(torch.float32)
