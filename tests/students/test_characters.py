from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from transformers import AutoTokenizer

from lessons.errors import ConfigError
from lessons.records import Message
from students import CharacterTokenizer, Encoder, PretrainedTokenizer, RandomWeights, Student

ALPHABET = "0123456789+=abc \n"
BUILT = CharacterTokenizer(ALPHABET).build()


@given(st.text(ALPHABET))
def test_one_token_per_character_and_back(text: str) -> None:
    ids = BUILT(text, add_special_tokens=False)["input_ids"]
    assert len(ids) == len(text)
    assert BUILT.decode(ids) == text


def test_special_tokens_are_distinct_and_roles_are_single_tokens() -> None:
    special = {BUILT.pad_token_id, BUILT.eos_token_id, BUILT.bos_token_id, BUILT.unk_token_id}
    assert len(special) == 4
    prompt = Encoder(BUILT).prompt_ids([Message("system", "a"), Message("user", "b")])
    assert BUILT.convert_ids_to_tokens(prompt) == [
        "<|begin|>", "<|system|>", "a", "<|end|>", "<|user|>", "b", "<|end|>", "<|assistant|>",
    ]  # fmt: skip


def test_auto_tokenizer_reloads_it(tmp_path: Path) -> None:
    BUILT.save_pretrained(tmp_path)
    again = AutoTokenizer.from_pretrained(tmp_path)
    assert again.get_vocab() == BUILT.get_vocab()
    assert Encoder(again).fingerprint == Encoder(BUILT).fingerprint
    encoded = [Encoder(t).encode([([Message("user", "1+1=")], "a\nb")])[0] for t in (again, BUILT)]
    assert encoded[0] == encoded[1]


def test_repeated_characters_count_once() -> None:
    assert CharacterTokenizer("aabba").build().get_vocab() == CharacterTokenizer("ab").build().get_vocab()


def test_empty_alphabet_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"alphabet of the character tokenizer is empty.*Give `alphabet`"):
        CharacterTokenizer("").build()


def test_pretrained_tokenizer_for_a_new_model(tmp_path: Path) -> None:
    Student(RandomWeights(16, 1, 2, tokenizer=CharacterTokenizer("xyz"))).export(tmp_path / "student")
    new = RandomWeights(32, 1, 2, tokenizer=PretrainedTokenizer(str(tmp_path / "student")))
    assert new.load_tokenizer().get_vocab() == CharacterTokenizer("xyz").build().get_vocab()
