"""What a logit store looks like on disk.

    logits.json       the stamp: who said it, about what, in which format
    keys.npy          uint64 [sequences]: the digest of each sequence's token ids and supervised positions
    starts.npy        int64 [sequences + 1]: the number of its first supervised position, counted through the store
    shard-00000.npy   one record for each supervised position of `sequences_per_shard` sequences, in their order

A sequence is found by what it is, not by its place: a store made of all lessons of a round serves every plan that takes
some of them, in any order, and a rendering that gives other tokens finds nothing.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from lessons.errors import DataError

if TYPE_CHECKING:
    from students.student import Student

__all__ = ["Ints", "Keys", "LogFormat", "Stamp", "key_of", "shard_path", "supervised_positions", "tokenizer_hashes"]

Ints = npt.NDArray[np.int64]
Keys = npt.NDArray[np.uint64]
LogFormat = Literal["float16", "float32"]
STAMP = "logits.json"
VERSION = 1
SHORT_IDS = 2**16


@dataclass(frozen=True, slots=True)
class Stamp:
    """What a store holds; two captures with equal stamps write the same records."""

    teacher: str
    """Name of the model whose logits these are."""
    teacher_fingerprint: str
    """SHA-256 of its weights."""
    precision: str
    """The format it computed in."""
    vocabulary: str
    """SHA-256 over the tokens and their ids."""
    template: str
    """SHA-256 over the chat template that the lessons were rendered with."""
    rendering: str
    """The rendering and its settings, as text."""
    tokens: str
    """SHA-256 over the keys of all sequences."""
    tokens_kept: int
    """How many of the most probable tokens are stored at every position."""
    vocabulary_size: int
    """Of how many tokens; probabilities are over these."""
    log_probabilities: LogFormat
    """Format of the stored logarithms."""
    sequences: int
    """Number of sequences."""
    positions: int
    """Supervised positions of all of them."""
    sequences_per_shard: int
    """How many sequences a shard holds."""

    @property
    def shards(self) -> int:
        """How many there are when all is done."""
        return -(-self.sequences // self.sequences_per_shard)

    @property
    def record(self) -> np.dtype[np.void]:
        """What is stored at one position: ids and natural logarithms of the kept tokens, probability of the others."""
        ids = np.uint16 if self.vocabulary_size <= SHORT_IDS else np.uint32
        logs = np.float16 if self.log_probabilities == "float16" else np.float32
        return np.dtype([("ids", ids, (self.tokens_kept,)), ("logs", logs, (self.tokens_kept,)), ("tail", np.float32)])

    @property
    def fingerprint(self) -> str:
        """SHA-256 over all of it."""
        return hashlib.sha256(self.text().encode()).hexdigest()

    def text(self) -> str:
        """Write it as JSON."""
        return json.dumps({"version": VERSION, **asdict(self)}, indent=1, ensure_ascii=False) + "\n"

    @classmethod
    def read(cls, folder: Path) -> Stamp:
        """Read a folder's stamp.

        Raises:
            DataError: There is none, or it is of another version.
        """
        path = folder / STAMP
        try:
            found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
            version = found.pop("version")
            if version == VERSION:
                return cls(**found)
        except FileNotFoundError:
            raise DataError(
                f"No logits at {folder}: there is no {STAMP}. Needed is a folder that `tutelage logits` wrote. Correct "
                "the path, or run that command."
            ) from None
        except (ValueError, TypeError, KeyError) as error:
            raise DataError(
                f"{path} is no stamp of stored logits ({error!r}). It is written by `tutelage logits` alone. Give "
                "another folder, or store the logits anew in one."
            ) from error
        raise DataError(
            f"{path} has the format {version!r}; readable is {VERSION}. Store the logits anew with `tutelage logits`."
        )

    def differences(self, other: Stamp) -> list[str]:
        """Say where another stamp differs from this one, field by field."""
        mine, theirs = asdict(self), asdict(other)
        return [
            f"{name} is {shown(mine[name])}, was {shown(theirs[name])}" for name in mine if mine[name] != theirs[name]
        ]


def shown(value: object) -> str:
    """Show a value of a stamp in a message; of a digest the beginning."""
    text = str(value)
    return text[:12] if len(text) == 64 and " " not in text else text


def shard_path(folder: Path, number: int) -> Path:
    """Return where a shard lies."""
    return folder / f"shard-{number:05d}.npy"


def supervised_positions(weights: Sequence[float] | npt.NDArray[np.float32]) -> Ints:
    """Return the positions that predict a token with a weight: t - 1 for every supervised t."""
    return np.flatnonzero(np.asarray(weights, np.float32)[1:])


def key_of(tokens: Sequence[int] | npt.NDArray[np.int32], weights: Sequence[float] | npt.NDArray[np.float32]) -> int:
    """Return a digest of a sequence's token ids and of where it is supervised, 64 bits."""
    digest = hashlib.blake2b(np.asarray(tokens, "<i4").tobytes(), digest_size=8)
    digest.update(supervised_positions(weights).astype("<i4").tobytes())
    return int.from_bytes(digest.digest(), "little")


def tokenizer_hashes(student: Student) -> Mapping[str, str]:
    """Return the hashes of `vocabulary` and `template`, as a stamp has them."""
    tokenizer = student.tokenizer
    tokens = "\x1e".join(f"{number}\x1f{token}" for token, number in sorted(tokenizer.get_vocab().items()))
    template = repr((tokenizer.chat_template, sorted(student.encoder.template_arguments.items())))
    return {
        "vocabulary": hashlib.sha256(tokens.encode()).hexdigest(),
        "template": hashlib.sha256(template.encode()).hexdigest(),
    }
