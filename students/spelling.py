"""What each token of a tokenizer writes, in bytes: the one unit that different tokenizers have in common."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from students.heavy_types import PreTrainedTokenizerBase

__all__ = ["Spelling"]

FALLBACK = re.compile(r"<0x([0-9A-F]{2})>")


@dataclass(frozen=True)
class Spelling:
    """The bytes of every token of a vocabulary.

    Three ways of writing bytes are told apart by the tokenizer's own decoder: byte-level ones (GPT-2, Llama 3, Qwen)
    give every byte a printable character; those of SentencePiece (Llama 2, Gemma, T5) write a space as a low bar and
    may fall back on tokens such as <0xE2>; others write plain text. No tokenizer is looked up by name, and whether
    the bytes spell a text is compared with the text where it matters (`students.alignment.locate`).
    """

    pieces: tuple[bytes, ...]
    """By token id, the bytes it writes; empty for ids without a token. Special tokens write their own name."""
    fallbacks: frozenset[int]
    """Ids of tokens such as <0xE2>, which stand for one byte that no other token writes."""

    @classmethod
    def of(cls, tokenizer: PreTrainedTokenizerBase) -> Spelling:
        """Read a tokenizer's vocabulary."""
        steps = list(decoder_steps(tokenizer))
        vocabulary = tokenizer.get_vocab()
        added = {number: str(token.content) for number, token in tokenizer.added_tokens_decoder.items()}
        pieces = [b""] * (1 + max(vocabulary.values()))
        fallbacks = set()
        for token, number in vocabulary.items():
            byte = FALLBACK.fullmatch(token) if "ByteFallback" in steps else None
            if number in added:
                pieces[number] = added[number].encode()
            elif byte is not None:
                pieces[number] = bytes.fromhex(byte[1])
                fallbacks.add(number)
            elif "ByteLevel" in steps:
                pieces[number] = byte_level(token)
            else:
                pieces[number] = (token.replace("\u2581", " ") if "Space" in steps else token).encode()
        return cls(tuple(pieces), frozenset(fallbacks))

    def spell(self, ids: Iterable[int]) -> list[bytes]:
        """Return the bytes of each of these tokens."""
        return [self.pieces[number] for number in ids]


def decoder_steps(tokenizer: PreTrainedTokenizerBase) -> Iterator[str]:
    """Yield what a tokenizer's decoder does, as the library tokenizers calls it; "Space" writes low bars as spaces."""
    backend: Any = getattr(tokenizer, "backend_tokenizer", None)
    decoder = json.loads(backend.to_str())["decoder"] if backend is not None else None
    for step in (decoder or {}).get("decoders", [decoder or {}]):
        kind = step.get("type", "")
        yield kind
        if kind == "Metaspace" or (kind == "Replace" and step["pattern"] == {"String": "\u2581"}):
            yield "Space"


def byte_level(token: str) -> bytes:
    """Return the bytes of a token of GPT-2's alphabet, and plain text where it is of another.

    >>> byte_level("\u0120caf\u00c3\u00a9").decode()
    ' café'
    """
    if all(character in BYTE_OF for character in token):
        return bytes(BYTE_OF[character] for character in token)
    return token.encode()


def printable_bytes() -> dict[str, int]:
    """Return GPT-2's alphabet: printable Latin-1 stands for itself, the other bytes come after it, in order."""
    shown = [*range(ord("!"), ord("~") + 1), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    hidden = [byte for byte in range(256) if byte not in shown]
    return {chr(byte): byte for byte in shown} | {chr(256 + k): byte for k, byte in enumerate(hidden)}


BYTE_OF = printable_bytes()
