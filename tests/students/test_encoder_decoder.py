from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import (
    AutoModelForSeq2SeqLM,
    AutoTokenizer,
    BartConfig,
    BartForConditionalGeneration,
)

from lessons.errors import ConfigError
from lessons.records import Message
from students import BytePairTokenizer, Generation, LoRA, Pretrained, Student, answer
from students.encoder_decoder import EncoderDecoder, split_of, start_of
from students.split_model import SplitModel
from tests.students.tiny_t5 import tiny_t5

ASKED = [[Message("user", text)] for text in ("1+1?", "a much longer question than that: 12 and 34?", "?")]


def tiny_bart(folder: Path) -> Path:
    tokenizer = BytePairTokenizer(["Answer: 12", "Answer: 34"], 270).build()
    config = BartConfig(
        vocab_size=len(tokenizer), d_model=16, encoder_layers=1, decoder_layers=1, encoder_attention_heads=2,
        decoder_attention_heads=2, encoder_ffn_dim=32, decoder_ffn_dim=32, max_position_embeddings=200,
        pad_token_id=tokenizer.pad_token_id, decoder_start_token_id=tokenizer.eos_token_id, forced_eos_token_id=None,
    )  # fmt: skip
    BartForConditionalGeneration(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


MODELS: dict[str, Callable[[Path], Path]] = {
    "t5": tiny_t5,
    "untied t5": lambda folder: tiny_t5(folder, tie_word_embeddings=False),
    "bart": tiny_bart,
}


@pytest.fixture
def t5(tmp_path: Path) -> Student:
    return Student(Pretrained(str(tiny_t5(tmp_path / "t5"))), precision="float32")


def sequences(student: Student) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, list[Any]]:
    """Return a right-padded batch of three questions with answers, as lessons are collated, and each by itself."""
    encoded = student.encoder.encode([(asked, f"Answer: {k}2") for k, asked in enumerate(ASKED)])
    width = max(len(p) + len(c) for p, c in encoded) - 1
    ids, positions, targets = torch.zeros(len(encoded), width, dtype=torch.int64), [], []
    for row, (prompt, completion) in enumerate(encoded):
        whole = [*prompt, *completion]
        ids[row, : len(whole) - 1] = torch.tensor(whole[:-1])
        positions += [row * width + t - 1 for t in range(len(prompt), len(whole))]
        targets += completion
    return ids, torch.tensor(positions), torch.tensor(targets), encoded


@pytest.mark.parametrize("name", MODELS)
def test_likelihoods_are_those_of_transformers_own_loss_on_each_pair_alone(tmp_path: Path, name: str) -> None:
    """Tied T5 scales its states before the output layer, untied T5 does not; both are found out by looking."""
    student = Student(Pretrained(str(MODELS[name](tmp_path / "model"))), precision="float32")
    split = split_of(student.model, packing=True)
    ids, positions, targets, encoded = sequences(student)
    found = split.nll(ids, positions, targets)
    expected = [
        torch.nn.functional.cross_entropy(
            student.model(input_ids=torch.tensor([prompt]), labels=torch.tensor([completion])).logits[0],
            torch.tensor(completion),
            reduction="none",
        )
        for prompt, completion in encoded
    ]
    torch.testing.assert_close(found, torch.cat(expected), rtol=1e-4, atol=1e-5)


def test_the_encoder_reads_what_it_reads_at_the_exam(t5: Student) -> None:
    """Answers that are generated are the most probable ones by the training code, token by token."""
    found = answer(t5, ASKED, Generation(max_new_tokens=6))
    split = split_of(t5.model, packing=True)
    for asked, made in zip(ASKED, found, strict=True):
        prompt = t5.encoder.prompt_ids(asked)
        (ids,) = t5.encoder.tokenize([made.text])
        whole = torch.tensor([[*prompt, *ids]])
        states = split.at(whole, torch.arange(len(prompt) - 1, len(prompt) + len(ids)))
        logits = states if not split.splits else t5.model.lm_head(states)
        assert logits[: len(ids), : t5.encoder.vocabulary_size].argmax(1).tolist() == ids


def test_batched_answers_equal_single_ones_and_transformers_own(t5: Student) -> None:
    together, alone = (answer(t5, ASKED, Generation(max_new_tokens=8, batch_size=size)) for size in (3, 1))
    assert [a.text for a in together] == [a.text for a in alone]
    own: Any = t5.model
    for asked, made in zip(ASKED, together, strict=True):
        ids = torch.tensor([t5.encoder.prompt_ids(asked)])
        written = own.generate(input_ids=ids, max_new_tokens=8, do_sample=False, eos_token_id=t5.encoder.stop_ids)
        assert t5.tokenizer.decode(written[0], skip_special_tokens=True) == made.text
    sampled = [answer(t5, ASKED, Generation(max_new_tokens=8, temperature=2.0, batch_size=size)) for size in (3, 1)]
    assert [a.text for a in sampled[0]] == [a.text for a in sampled[1]]


@pytest.mark.parametrize("adapter", [None, LoRA(rank=2)])
def test_an_exported_student_is_loaded_by_transformers(tmp_path: Path, adapter: LoRA | None) -> None:
    student = Student(Pretrained(str(tiny_t5(tmp_path / "t5"))), adapter, precision="float32")
    with torch.no_grad():
        for parameter in student.model.parameters():
            if parameter.requires_grad:
                parameter += 0.05  # as if it had learnt: an adapter starts at nothing
    folder = student.export(tmp_path / "student")
    model = AutoModelForSeq2SeqLM.from_pretrained(folder)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    for asked, made in zip(ASKED, answer(student, ASKED, Generation(max_new_tokens=8)), strict=True):
        turns = [{"role": m.role, "content": m.content} for m in asked]
        ids = tokenizer.apply_chat_template(turns, add_generation_prompt=True, return_tensors="pt")
        written = model.generate(**ids, max_new_tokens=8)
        assert tokenizer.decode(written[0], skip_special_tokens=True) == made.text
    again = Student(Pretrained(str(folder)), precision="float32")
    assert [a.text for a in answer(again, ASKED, Generation(max_new_tokens=8))] == [
        a.text for a in answer(student, ASKED, Generation(max_new_tokens=8))
    ]


def test_causal_models_are_split_as_ever(t5: Student) -> None:
    from students import RandomWeights

    causal = Student(RandomWeights(hidden_size=16, layers=1, heads=2), precision="float32")
    assert type(split_of(causal.model, packing=False)) is SplitModel
    assert type(split_of(t5.model, packing=True)) is EncoderDecoder


def test_that_nothing_is_packed_is_said_where_packing_was_wished_for(
    t5: Student, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    assert not split_of(t5.model, packing=True).packs
    assert "T5ForConditionalGeneration cannot be packed: sequences of different lengths are padded" in caplog.text
    caplog.clear()
    assert not split_of(t5.model, packing=False).packs
    assert "packed" not in caplog.text


def test_a_decoder_that_cannot_begin_is_refused() -> None:
    with torch.device("meta"):
        model = AutoModelForSeq2SeqLM.from_config(BartConfig(d_model=16, encoder_layers=1, decoder_layers=1))
    model.config.decoder_start_token_id = None
    with pytest.raises(ConfigError, match=r"no decoder_start_token_id.*Needed is the id.*config.json"):
        start_of(model)
