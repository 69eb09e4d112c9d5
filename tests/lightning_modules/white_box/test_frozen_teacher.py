from __future__ import annotations

import logging
import string

import pytest
import torch

from lessons.errors import ConfigError
from lightning_modules.white_box.frozen_teacher import FrozenTeacher, refuse_another_vocabulary
from students import CharacterTokenizer, LoRA, RandomWeights, Student
from students.weights.base import Loaded

SIZES = {"hidden_size": 16, "layers": 1, "heads": 2}


class Padded(RandomWeights):
    """A model whose output layer has more or fewer rows than its tokenizer has tokens."""

    rows = 128

    def load(self, dtype: torch.dtype) -> Loaded:
        model, tokenizer = super().load(dtype)
        model.resize_token_embeddings(self.rows, mean_resizing=False)
        return Loaded(model, tokenizer)


def student(weights: RandomWeights | None = None, **settings: object) -> Student:
    return Student(weights or RandomWeights(**SIZES), precision="float32", **settings)


def test_output_layers_of_different_size_are_fine_where_the_vocabulary_is_the_same() -> None:
    padded = FrozenTeacher(student(Padded(**SIZES)))
    padded.check(student())
    assert padded.load(torch.device("cpu")).vocabulary == 128 > len(student().tokenizer)


def test_tokenizers_of_equal_size_that_differ_are_refused() -> None:
    other = RandomWeights(**SIZES, tokenizer=CharacterTokenizer(string.ascii_letters))
    mine = RandomWeights(**SIZES, tokenizer=CharacterTokenizer(string.ascii_letters[::-1]))
    assert len(student(mine).tokenizer) == len(student(other).tokenizer)
    message = (
        r"different tokenizers, of 59 and 59 tokens: id 7 is 'Z' to the student and 'a' to the teacher.*"
        r"Allowed are teachers with the student's very vocabulary.*Choose a teacher of the student's family.*"
        r"CrossTokenizerDistillation.*"
        r"lightning_modules.SupervisedModule"
    )
    with pytest.raises(ConfigError, match=message):
        refuse_another_vocabulary(student(mine), student(other))


def test_a_tokenizer_with_more_tokens_is_refused() -> None:
    more = RandomWeights(**SIZES, tokenizer=CharacterTokenizer("abcd"))
    fewer = RandomWeights(**SIZES, tokenizer=CharacterTokenizer("abc"))
    with pytest.raises(ConfigError, match=r"of 10 and 11 tokens: id 10 is None to the student and 'd' to the teacher"):
        refuse_another_vocabulary(student(fewer), student(more))


def test_an_output_layer_without_all_tokens_is_refused() -> None:
    weights = Padded(**SIZES)
    weights.rows = 50
    with pytest.raises(ConfigError, match=r"has 50 output rows for a tokenizer of 103 tokens.*Give the tokenizer"):
        FrozenTeacher(student(weights)).load(torch.device("cpu"))


def test_an_untrained_adapter_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"has an adapter.*Allowed is a teacher without one.*Leave out teacher.adapt"):
        FrozenTeacher(student(adapter=LoRA())).check(student())


def test_another_chat_template_is_said(caplog: pytest.LogCaptureFixture) -> None:
    changed = student(chat_template="{{ bos_token }}{% for m in messages %}{{ m['content'] }}{% endfor %}")
    with caplog.at_level(logging.WARNING):
        FrozenTeacher(changed).check(student())
    assert "another chat template; it reads the lessons as the student's template writes them" in caplog.text


def test_it_gives_its_own_logits_without_gradients() -> None:
    frozen = FrozenTeacher(student()).load(torch.device("cpu"))
    ids = torch.arange(8).view(2, 4)
    made = frozen.projection(ids, torch.tensor([0, 3, 6]))
    whole = student().weights.load(torch.float32).model(input_ids=ids).logits.flatten(0, 1)[[0, 3, 6]]
    assert not made.hidden.requires_grad
    torch.testing.assert_close(torch.nn.functional.linear(*made), whole.detach())
    assert not frozen.loaded.model.training


def test_a_student_in_float64_has_its_teacher_in_float64_with_the_same_weights() -> None:
    torch.set_default_dtype(torch.float64)
    try:
        double = FrozenTeacher(student()).load(torch.device("cpu"), double=True).loaded.model
    finally:
        torch.set_default_dtype(torch.float32)
    single = FrozenTeacher(student()).load(torch.device("cpu")).loaded.model
    for one, two in zip(double.parameters(), single.parameters(), strict=True):
        assert one.dtype == torch.float64
        assert torch.equal(one, two.double())
