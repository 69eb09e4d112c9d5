from __future__ import annotations

from pathlib import Path

import pytest
from transformers import AutoTokenizer

from lessons.errors import ConfigError
from lessons.records import Message
from students import BytePairTokenizer, Encoder

TEXTS = ["12 plus 34 is 46", "Answer: 46", "Answer: 12"]


def test_it_writes_every_character_and_survives_saving(tmp_path: Path) -> None:
    made = BytePairTokenizer(TEXTS, 280).build()
    made.save_pretrained(tmp_path)
    again = AutoTokenizer.from_pretrained(tmp_path)
    for text in ("Answer: 12", "né 😀\n", "\x00"):
        ids = made(text)["input_ids"]
        assert made.decode(ids) == text
        assert again(text)["input_ids"] == ids
    assert len(made("Answer: 12")["input_ids"]) < len("Answer: 12")
    assert BytePairTokenizer(TEXTS, 280).build().get_vocab() == made.get_vocab()


def test_its_template_ends_answers_with_a_token_of_their_own() -> None:
    encoder = Encoder(BytePairTokenizer(TEXTS).build())
    assert encoder.completion_ids([Message("user", "12?")], "Answer: 46")[-1] == encoder.end_of_turn


def test_a_vocabulary_without_room_for_the_bytes_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"of 200 tokens has no room.*Allowed are sizes from 262. Raise"):
        BytePairTokenizer(TEXTS, 200).build()
