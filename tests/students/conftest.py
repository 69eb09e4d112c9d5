from __future__ import annotations

import os

os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

import random
from collections.abc import Callable

import pytest
from transformers import PreTrainedTokenizerBase, PreTrainedTokenizerFast

from lessons.records import Annotation, Lesson, Message, Prompt, Provenance
from students import GGUF, CharacterTokenizer, Encoder, RandomWeights, Student, TokenizerRecipe

SMOLLM2_TEMPLATE = (
    "{% for message in messages %}{% if loop.first and messages[0]['role'] != 'system' %}{{ '<|im_start|>system\n"
    "You are a helpful AI assistant named SmolLM, trained by Hugging Face<|im_end|>\n' }}{% endif %}"
    "{{'<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n'}}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
ALPHABET = "0123456789+-=? \nabcdefghijklmnopqrstuvwxyzAV:[]."


def ask(question: str) -> tuple[Message, ...]:
    return (Message("user", question),)


def sum_lesson(number: int, generator: random.Random) -> Lesson:
    a, b = generator.randrange(1000), generator.randrange(1000)
    prompt = Prompt(f"p{number}", ask(f"{a}+{b}=?"), reference=str(a + b))
    source = Provenance("test", "test", "rationale/1", "0" * 64)
    rationale = Annotation(prompt.id, "rationale", 0, f"{a} plus {b}\nis {a + b}", source, answer=str(a + b))
    return Lesson(prompt.id, prompt, (rationale,))


@pytest.fixture
def make_lessons() -> Callable[[int], list[Lesson]]:
    def make(count: int) -> list[Lesson]:
        generator = random.Random(0)
        return [sum_lesson(k, generator) for k in range(count)]

    return make


def tiny_weights(seed: int = 0, hidden_size: int = 32) -> RandomWeights:
    tokenizer = CharacterTokenizer(ALPHABET)
    return RandomWeights(hidden_size, layers=2, heads=2, max_positions=128, tokenizer=tokenizer, seed=seed)


@pytest.fixture
def tiny_student() -> Student:
    return Student(tiny_weights())


class BytePairTokenizer(TokenizerRecipe):
    """A small trained byte-pair tokenizer that merges across words and lines, with any chat template."""

    def __init__(self, chat_template: str | None) -> None:
        self.chat_template = chat_template

    def build(self) -> PreTrainedTokenizerBase:
        from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

        special = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
        core = Tokenizer(models.BPE())
        core.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
        core.decoder = decoders.ByteLevel()
        trainer = trainers.BpeTrainer(
            vocab_size=400, special_tokens=special, initial_alphabet=pre_tokenizers.ByteLevel.alphabet()
        )
        core.train_from_iterator(["user\nassistant\nsystem\nAnswer: 4", "Answer: 42", "Answer: 7\n"] * 20, trainer)
        # As SmolLM2's own: padding is the end-of-turn token.
        tokenizer: PreTrainedTokenizerBase = PreTrainedTokenizerFast(
            tokenizer_object=core,
            bos_token="<|im_start|>",
            eos_token="<|im_end|>",
            pad_token="<|im_end|>",
            unk_token="<|endoftext|>",
        )
        tokenizer.chat_template = self.chat_template
        return tokenizer


@pytest.fixture
def smollm2_encoder() -> Encoder:
    return Encoder(BytePairTokenizer(SMOLLM2_TEMPLATE).build())


SMOLLM2_SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"


@pytest.fixture(scope="session")
def smollm2(smollm2_name: str) -> GGUF:
    """The real SmolLM2-135M-Instruct."""
    return GGUF(smollm2_name, SMOLLM2_SHA256)


@pytest.fixture
def ascii_student() -> Student:
    """A tiny student that can write all printable characters."""
    return Student(RandomWeights(hidden_size=16, layers=1, heads=2, max_positions=512))
