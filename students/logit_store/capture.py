"""What a teacher says at every supervised position of the rendered lessons, written once, shard by shard."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from lessons.errors import ConfigError
from lessons.files import staged, write_text
from students.frozen import load_frozen, refuse_adapter
from students.logit_store.layout import (
    STAMP,
    Ints,
    Keys,
    LogFormat,
    Stamp,
    key_of,
    shard_path,
    supervised_positions,
    tokenizer_hashes,
)
from students.ranks import Ranks
from students.renderings import Example

if TYPE_CHECKING:
    from students.split_model import SplitModel
    from students.student import Student

__all__ = ["Capture", "Captured", "capture"]

Progress = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Capture:
    """How much of a teacher's distributions is stored, and how.

    Args:
        tokens_kept: How many of the most probable tokens are stored at every position (k); of all others together the
            probability.
        log_probabilities: Format of the stored logarithms. float16 keeps three digits and takes, with ids of a
            vocabulary above 65,536, 6 bytes an entry; below, 4.
        tokens_per_batch: Tokens of one batch, padding included. Lower it when memory runs out.
        sequences_per_shard: Sequences of one file: what a kill can cost.
    """

    tokens_kept: int = 64
    log_probabilities: LogFormat = "float16"
    tokens_per_batch: int = 8192
    sequences_per_shard: int = 1024

    def check(self, vocabulary: int) -> None:
        """Refuse values outside their ranges.

        Raises:
            ConfigError: One is.
        """
        for name in ("tokens_kept", "tokens_per_batch", "sequences_per_shard"):
            highest = vocabulary if name == "tokens_kept" else None
            value = getattr(self, name)
            if value < 1 or (highest is not None and value > highest):
                raise ConfigError(
                    f"Storing logits got {name} = {value}; allowed are whole numbers from 1"
                    + (f" to the {highest} tokens of the vocabulary" if highest else "")
                    + f". Correct `{name}`."
                )


class Captured(NamedTuple):
    """What there is after a capture."""

    stamp: Stamp
    """What the store holds."""
    written: int
    """Shards written now, by this process."""
    missing: int
    """Shards that other ranks have not finished."""


class Rows(NamedTuple):
    """The distinct sequences to capture, in the order of the store."""

    examples: Sequence[Example]
    """The sequences, [sequences]."""
    keys: Keys
    """Their keys, [sequences]."""
    starts: Ints
    """The number of each one's first supervised position, and one past the last one's last, [sequences + 1]."""

    @classmethod
    def of(cls, examples: Sequence[Example]) -> Rows:
        """Number distinct sequences; the same tokens in several lessons or views are captured once."""
        distinct: dict[int, Example] = {}
        for example in examples:
            distinct.setdefault(key_of(example.input_ids, example.weights), example)
        counts = [len(supervised_positions(example.weights)) for example in distinct.values()]
        return cls(
            list(distinct.values()), np.array(list(distinct), np.uint64), np.cumsum([0, *counts], dtype=np.int64)
        )


def capture(
    teacher: Student,
    reader: Student,
    examples: Sequence[Example],
    rendering: str,
    folder: Path,
    settings: Capture | None = None,
    ranks: Ranks | None = None,
    progress: Progress | None = None,
) -> Captured:
    """Store what a teacher says about rendered lessons; shards that are there already are left as they are.

    Shards do not depend on the number of processes. Each appears whole or not at all, so a capture that was killed goes
    on with the first one that is missing, with as many processes as before or with others.

    Args:
        teacher: The model that is asked.
        reader: The student whose tokenizer and template the lessons were rendered with.
        examples: The rendered lessons.
        rendering: What they were rendered by, as text for the stamp.
        folder: Where the store is.
        settings: How much is stored.
        ranks: Which shards are this process's; None for all.
        progress: Called with the number of this process's sequences that are captured, the earlier ones included.

    Raises:
        ConfigError: The folder holds other logits, or teacher and lessons do not fit.
    """
    settings, ranks = settings or Capture(), ranks or Ranks()
    settings.check(len(teacher.tokenizer))
    refuse_adapter(teacher)
    rows = Rows.of(examples)
    stamp = stamp_of(teacher, reader, rows, rendering, settings)
    begin(folder, stamp, rows)
    mine = range(ranks.rank, stamp.shards, ranks.world_size)
    waiting = [number for number in mine if not shard_path(folder, number).exists()]
    if waiting:
        done = (len(mine) - len(waiting)) * stamp.sequences_per_shard

        def show(more: int) -> None:
            if progress:
                progress(done + more)

        write_shards(teacher, rows, stamp, waiting, folder, settings.tokens_per_batch, show)
    missing = sum(not shard_path(folder, number).exists() for number in range(stamp.shards))
    return Captured(stamp, len(waiting), missing)


def stamp_of(teacher: Student, reader: Student, rows: Rows, rendering: str, settings: Capture) -> Stamp:
    """Return what the store will hold.

    Raises:
        ConfigError: The teacher's token ids are not those of the lessons.
    """
    hashes = tokenizer_hashes(reader)
    if hashes["vocabulary"] != tokenizer_hashes(teacher)["vocabulary"]:
        raise ConfigError(
            f"The lessons are rendered with the tokenizer of {reader.weights.name}, and the teacher "
            f"{teacher.weights.name} has another vocabulary: the ids would be noise to it. Allowed are teachers with "
            "the student's very vocabulary. Choose one of the student's family, or let this teacher write texts "
            "(tutelage distill)."
        )
    from students.precision import choose_precision

    return Stamp(
        teacher=teacher.weights.name,
        teacher_fingerprint=teacher.weights.fingerprint,
        precision=str(choose_precision(teacher.precision, frozen=True).dtype).removeprefix("torch."),
        **hashes,
        rendering=rendering,
        tokens=hash_of(rows.keys),
        tokens_kept=settings.tokens_kept,
        vocabulary_size=len(teacher.tokenizer),
        log_probabilities=settings.log_probabilities,
        sequences=len(rows.keys),
        positions=int(rows.starts[-1]),
        sequences_per_shard=settings.sequences_per_shard,
    )


def begin(folder: Path, stamp: Stamp, rows: Rows) -> None:
    """Write the stamp, and where each sequence is; or find the very same ones.

    Raises:
        ConfigError: The folder holds other logits.
    """
    if (folder / STAMP).exists():
        if changed := stamp.differences(Stamp.read(folder)):
            raise ConfigError(
                f"{folder} holds other logits: {'; '.join(changed)}. Allowed is a new folder, or what the store was "
                "begun with. Give another --out, or restore the settings."
            )
        return
    for name, array in (("keys", rows.keys), ("starts", rows.starts)):
        with staged(folder / f"{name}.npy") as partial, partial.open("wb") as file:
            np.save(file, array)
    write_text(folder / STAMP, stamp.text())  # last: where it is, the others are


def hash_of(keys: Keys) -> str:
    """Return the SHA-256 of all keys: of all token ids and masks."""
    return hashlib.sha256(keys.astype("<u8").tobytes()).hexdigest()


def write_shards(
    teacher: Student, rows: Rows, stamp: Stamp, waiting: Sequence[int], folder: Path, tokens_per_batch: int,
    progress: Progress,
) -> None:  # fmt: skip
    """Load the teacher and write the shards that are waiting for it."""
    import torch

    from students.logit_store.distributions import records_of

    device = torch.accelerator.current_accelerator(check_available=True) or torch.device("cpu")
    split = load_frozen(teacher, device)
    refuse_over_long(split, rows.examples)
    done = 0
    for number in waiting:
        first = number * stamp.sequences_per_shard
        chosen = rows.examples[first : first + stamp.sequences_per_shard]

        def shown(more: int, before: int = done) -> None:
            progress(before + more)

        records = records_of(split, chosen, stamp, tokens_per_batch, shown)
        path = shard_path(folder, number)
        for leftover in folder.glob(f".{path.name}.*.partial"):
            leftover.unlink()  # of a process that was killed
        with staged(path) as partial, partial.open("wb") as file:
            np.save(file, records)
        done += len(chosen)


def refuse_over_long(split: SplitModel, examples: Sequence[Example]) -> None:
    """Refuse sequences that the teacher was not made for.

    Raises:
        ConfigError: One is longer than its context.
    """
    limit = getattr(split.causal.config, "max_position_embeddings", None)
    lengths = [len(example.input_ids) for example in examples]
    if limit and max(lengths) > limit:
        longer = sum(length > limit for length in lengths)
        raise ConfigError(
            f"{longer} of {len(lengths)} sequences are longer than the {limit} tokens that the teacher was made for; "
            f"the longest has {max(lengths)}. Set max_tokens: {limit} here and in training, or choose another teacher."
        )
