from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from transformers import PreTrainedTokenizerBase, PreTrainedTokenizerFast

from students import BytePairTokenizer, CharacterTokenizer
from students.spelling import Spelling, byte_level

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)


def sentence_pieces() -> PreTrainedTokenizerBase:
    """A tokenizer as SentencePiece makes them: spaces as low bars, single bytes where a character is unknown."""
    from tokenizers import Tokenizer, decoders, models, normalizers

    known = ["<unk>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256)), *"\u2581abcdeA", "ab", "\u2581ab"]
    core = Tokenizer(
        models.BPE(
            vocab={token: number for number, token in enumerate(known)},
            merges=[("a", "b"), ("\u2581", "ab")],
            unk_token="<unk>",
            byte_fallback=True,
        )
    )
    core.normalizer = normalizers.Replace(" ", "\u2581")
    core.decoder = decoders.Sequence([decoders.Replace("\u2581", " "), decoders.ByteFallback(), decoders.Fuse()])
    return PreTrainedTokenizerFast(tokenizer_object=core, unk_token="<unk>", eos_token="</s>")


TOKENIZERS = {
    "byte level": BytePairTokenizer(["caf\u00e9 caf\u00e9 ab ab \U0001f600\U0001f600"], 300).build(),
    "byte fallback": sentence_pieces(),
    "characters": CharacterTokenizer("abc \n\u00e9\U0001f600").build(),
}


@pytest.mark.parametrize("kind", ["byte level", "byte fallback"])
@given(text=TEXT)
def test_the_bytes_of_a_texts_tokens_are_those_of_the_text(kind: str, text: str) -> None:
    tokenizer = TOKENIZERS[kind]
    if "\u2581" in text or any(token.content in text for token in tokenizer.added_tokens_decoder.values()):
        return  # the one tokenizer cannot write it, and special tokens are not text
    ids = tokenizer(text, add_special_tokens=False)["input_ids"]
    assert b"".join(Spelling.of(tokenizer).spell(ids)) == text.encode()


def test_a_character_may_be_split_over_tokens() -> None:
    for kind in ("byte level", "byte fallback"):
        tokenizer = TOKENIZERS[kind]
        assert Spelling.of(tokenizer).spell(tokenizer("\u20ac")["input_ids"]) == [b"\xe2", b"\x82", b"\xac"]


def test_plain_and_special_tokens_write_their_own_text() -> None:
    tokenizer = TOKENIZERS["characters"]
    found = Spelling.of(tokenizer)
    assert found.spell(tokenizer("a \U0001f600\n<|end|>")["input_ids"]) == [
        b"a",
        b" ",
        "\U0001f600".encode(),
        b"\n",
        b"<|end|>",
    ]
    assert not found.fallbacks


def test_bytes_that_are_fallbacks_are_told_from_text() -> None:
    found = Spelling.of(TOKENIZERS["byte fallback"])
    assert len(found.fallbacks) == 256
    assert [found.pieces[number] for number in sorted(found.fallbacks)] == [bytes([byte]) for byte in range(256)]


def test_every_byte_has_one_character_in_the_alphabet_of_byte_level_tokenizers() -> None:
    from tokenizers.pre_tokenizers import ByteLevel

    assert sorted(byte_level(character) for character in ByteLevel.alphabet()) == [bytes([k]) for k in range(256)]
    assert byte_level("\u4e2d") == "\u4e2d".encode()
