"""What is read in a batch is what is read alone, whoever reads: a decoder, an encoder, a model of both."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import torch
from transformers import BertConfig, BertLMHeadModel

from lessons.lesson_set import LessonSet
from lessons.records import Prompt
from lessons.rows import ANNOTATION_SCHEMA, PROMPT_SCHEMA, prompt_to_row
from students import AnswerOnly, CharacterTokenizer, LoRA, Pretrained, Student
from students.reading import padded, read_states
from students.signals import HiddenStates, NuclearNorm
from tests.students.conftest import ALPHABET, ask, tiny_weights
from tests.students.tiny_t5 import tiny_t5

ROWS = [[5, 6, 7, 8, 9], [10, 11], [12, 5, 9]]


def tiny_bert(folder: Path) -> Student:
    tokenizer = CharacterTokenizer(ALPHABET).build()
    config = BertConfig(
        vocab_size=len(tokenizer), hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        BertLMHeadModel(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return Student(Pretrained(str(folder)), precision="float32")


READERS: dict[str, Callable[[Path], Student]] = {
    "decoder": lambda folder: Student(tiny_weights(), precision="float32"),
    "decoder with adapter": lambda folder: Student(tiny_weights(), LoRA(rank=2), precision="float32"),
    "encoder": tiny_bert,
    "both": lambda folder: Student(Pretrained(str(tiny_t5(folder))), precision="float32"),
}


@pytest.mark.parametrize("name", READERS)
def test_padding_is_seen_by_nobody(tmp_path: Path, name: str) -> None:
    student = READERS[name](tmp_path)
    states = read_states(student, *padded(ROWS, student.device))
    for row, found in zip(ROWS, states, strict=True):
        alone = read_states(student, *padded([row], student.device))[0]
        torch.testing.assert_close(found[: len(row)], alone, rtol=1e-4, atol=1e-5)
    assert not states.requires_grad


def test_signals_read_with_the_encoder_of_a_sequence_to_sequence_model(tmp_path: Path) -> None:
    t5 = READERS["both"](tmp_path)
    prompts = [Prompt(name, ask(text), reference=text) for name, text in (("a", "12+34=?"), ("b", "1+1=?"))]
    lessons = LessonSet.join(
        pa.Table.from_pylist([prompt_to_row(p) for p in prompts], PROMPT_SCHEMA), ANNOTATION_SCHEMA.empty_table()
    )
    vectors = HiddenStates(t5).embed(lessons, np.arange(2))
    norms = NuclearNorm(t5, AnswerOnly()).values(lessons)
    for number, prompt in enumerate(prompts):
        mean = encoded(t5, t5.encoder.tokenize([prompt.question])[0]).mean(0)
        assert vectors[number] == pytest.approx(mean / np.linalg.norm(mean), rel=1e-3, abs=1e-4)
        ids = t5.encoder.encode([(prompt.messages, prompt.question)])[0]
        states = encoded(t5, ids.prompt_ids + ids.completion_ids)
        assert norms[number] == pytest.approx(np.linalg.norm(states, "nuc"), rel=1e-4)


def encoded(student: Student, ids: list[int]) -> np.ndarray:
    with torch.no_grad():
        states = student.model.get_encoder()(input_ids=torch.tensor([ids])).last_hidden_state
    return np.asarray(states[0].double().numpy())
