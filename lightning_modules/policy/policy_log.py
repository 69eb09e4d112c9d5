"""What the policy that wrote the answers thought of every token of them: data, by the same forward code as the loss."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from torch import Tensor

from lessons.errors import CheckpointMismatch, DataError
from lessons.files import staged
from lessons.lesson_set import LessonSet
from lightning_modules.data.collate import Batch, Weighted, collate
from lightning_modules.data.rendered import RenderedLessons, Sequence32
from lightning_modules.supervised import SupervisedModule
from students.ranks import Ranks
from students.renderings import Rendering, render_all
from students.student import Student

__all__ = ["PolicyLog", "log_policy", "measure", "read_policy", "write_policy"]

Ints = npt.NDArray[np.int64]
Floats32 = npt.NDArray[np.float32]

TOKENS_AT_ONCE = 16_384
SCHEMA = pa.schema(
    [
        pa.field("sequence", pa.binary(32), nullable=False),  # SHA-256 over token ids and which of them are learnt
        pa.field("log_probabilities", pa.list_(pa.float32()), nullable=False),  # natural, of the learnt tokens in order
    ]
)


@dataclass(frozen=True)
class PolicyLog:
    """The log-probability of every supervised token of some rendered lessons, under the policy that wrote them."""

    values: Floats32
    """Natural logarithms, one sequence after the other, [all supervised]."""
    starts: Ints
    """Where each sequence begins in `values`, and where the last one ends, [sequences + 1]."""
    policy: str
    """Fingerprint of the student that wrote them."""

    def of(self, numbers: Ints) -> Floats32:
        """Return the log-probabilities of some sequences, [their supervised tokens]."""
        spans = [self.values[self.starts[k] : self.starts[k + 1]] for k in numbers]
        return np.concatenate(spans) if spans else np.empty(0, np.float32)


def supervised_starts(rendered: RenderedLessons) -> Ints:
    """Return where each sequence begins among all supervised tokens, [sequences + 1]."""
    counts = np.concatenate([[0], np.cumsum(rendered.weights > 0)])
    starts: Ints = counts[rendered.starts].astype(np.int64)
    return starts


def log_policy(student: Student, prompts: str | Path, rendering: Rendering, path: str | Path) -> None:
    """Write what a student that wrote answers thinks of every token of them, for training on them later.

    Call it with the weights that wrote, before they are trained any further.

    Args:
        student: The student that wrote the answers.
        prompts: Path of the prompts.parquet that they answer.
        rendering: How training will show them: `students.AnswerGroups` with the answers' file.
        path: The Parquet file to write, for `VerifiedModule`'s `policy`.

    Raises:
        BadInput: The files do not fit together, or an answer cannot be rendered.
    """
    module = SupervisedModule(student)
    module.configure_model()
    student.model.train(False)
    student.place()
    examples = render_all(rendering, LessonSet.read(prompts), student.encoder).examples
    rendered = RenderedLessons.of(examples, tuple(rendering.parts))
    write_policy(path, measure(rendered, module.token_losses, student.device, student.fingerprint), rendered)


def measure(rendered: RenderedLessons, nll: Callable[[Batch], Tensor], device: torch.device, policy: str) -> PolicyLog:
    """Ask a model for the log-probability of every supervised token.

    Under a launcher every process asks for its share and all get the whole.

    Args:
        rendered: The sequences.
        nll: Returns -log p of a batch's supervised tokens, [supervised]: the training's own forward pass, dropout off.
        device: Where the model is.
        policy: Fingerprint of the model.
    """
    ranks, starts = Ranks.here(), supervised_starts(rendered)
    values = np.zeros(starts[-1], np.float32)
    lengths = np.diff(rendered.starts)
    mine = np.argsort(lengths, kind="stable")[ranks.rank :: ranks.world_size]
    with torch.no_grad():
        for numbers in of_similar_length(mine, lengths, TOKENS_AT_ONCE):
            sequences = [Weighted(rendered.sequence(k)) for k in numbers.tolist()]
            found = -nll(collate(sequences, np.ones(len(rendered.part_names))).to(device)).float().cpu().numpy()
            ends = np.cumsum(starts[numbers + 1] - starts[numbers])
            for number, piece in zip(numbers, np.split(found, ends[:-1]), strict=True):
                values[starts[number] : starts[number + 1]] = piece
    if ranks.world_size > 1:
        ranks.add_up(torch.from_numpy(values))  # every value was measured by one process; the others hold zeros
    return PolicyLog(values, starts, policy)


def of_similar_length(numbers: Ints, lengths: Ints, tokens: int) -> Iterator[Ints]:
    """Cut sequences of rising length into runs of at most so many tokens, padding included; at least one each."""
    end = len(numbers)
    while end:
        start = max(0, min(end - 1, end - tokens // int(lengths[numbers[end - 1]])))
        yield numbers[start:end]
        end = start


def key_of(sequence: Sequence32) -> bytes:
    """Return what a sequence is known by: SHA-256 over its token ids and which of them are learnt."""
    digest = hashlib.sha256(sequence.tokens.astype("<i4").tobytes())
    digest.update(np.packbits(sequence.weights > 0).tobytes())
    return digest.digest()


def write_policy(path: str | Path, log: PolicyLog, rendered: RenderedLessons) -> None:
    """Write log-probabilities to a Parquet file, each sequence once, known by its content."""
    known = {key_of(rendered.sequence(k)): k for k in range(len(rendered.starts) - 1)}
    columns = [list(known), [log.of(np.array([k])) for k in known.values()]]
    schema = SCHEMA.with_metadata({"policy": log.policy})
    with staged(path) as partial:
        pq.write_table(pa.table(columns, schema=schema), partial)


def read_policy(path: str | Path, rendered: RenderedLessons) -> PolicyLog:
    """Read the log-probabilities of these sequences from a file, which may hold others too.

    Raises:
        DataError: There is no such file, or it is another kind of file.
        CheckpointMismatch: It lacks a sequence.
    """
    try:
        table = pq.read_table(path)
    except (OSError, pa.ArrowInvalid) as error:
        raise DataError(
            f"The log-probabilities of the policy that wrote the answers cannot be read from {path}: {error}. Needed "
            "is a file that lightning_modules.log_policy wrote. Correct the path, or leave it out if the student that "
            "is trained wrote the answers."
        ) from error
    if not table.schema.equals(SCHEMA):
        raise DataError(
            f"{path} has the columns {', '.join(table.schema.names)}; needed are {', '.join(SCHEMA.names)}, as "
            "lightning_modules.log_policy writes them. Correct the path."
        )
    row_of = {key: row for row, key in enumerate(table["sequence"].to_pylist())}
    keys = [key_of(rendered.sequence(k)) for k in range(len(rendered.starts) - 1)]
    lacking = sum(key not in row_of for key in keys)
    if lacking:
        raise CheckpointMismatch(
            f"{path} has log-probabilities of {len(row_of)} sequences, but lacks those of {lacking} of the "
            f"{len(keys)} that are to be trained. Needed is the file made from the same answers with the same "
            "rendering, tokenizer and template. Make it again with lightning_modules.log_policy."
        )
    lists = table["log_probabilities"].combine_chunks().take(pa.array([row_of[key] for key in keys]))
    values = lists.flatten().to_numpy(zero_copy_only=False).astype(np.float32)
    return PolicyLog(values, supervised_starts(rendered), (table.schema.metadata or {}).get(b"policy", b"").decode())
