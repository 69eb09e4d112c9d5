"""A teacher that spoke before the run: its most probable tokens, read from a store while batches are collated."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from lessons.errors import DataError
from lightning_modules.data.collate import Batch, Weighted
from lightning_modules.data.companion import Companion
from lightning_modules.data.rendered import Ints, RenderedLessons
from lightning_modules.losses import TopK
from lightning_modules.white_box.logit_teacher import LogitTeacher
from students.logit_store import LogitStore
from students.logit_store.layout import key_of, supervised_positions
from students.student import Student

__all__ = ["StoredTeacher"]

IDS, LOGS, TAIL = "teacher_ids", "teacher_log_probabilities", "teacher_tail"


class StoredTeacher(LogitTeacher):
    """Reads what a teacher said.

    Args:
        store: Where it was written to.
    """

    def __init__(self, store: LogitStore) -> None:
        self.store = store

    @property
    def name(self) -> str:
        """The teacher's name and the store's folder."""
        stamp = self.store.stamp
        return f"the top {stamp.tokens_kept} of {stamp.teacher} in {self.store.folder}"

    @property
    def fingerprint(self) -> str:
        """That of the store's stamp."""
        return self.store.stamp.fingerprint

    @property
    def tokens_told(self) -> int | None:
        """How many tokens are stored; None if all are."""
        stamp = self.store.stamp
        return None if stamp.tokens_kept == stamp.vocabulary_size else stamp.tokens_kept

    def check(self, student: Student) -> None:
        """Refuse a store that is unfinished, or about other token ids."""
        self.store.check(student)

    def companion(self, rendered: RenderedLessons) -> Companion:
        """Find every training sequence in the store.

        Raises:
            DataError: One is not there.
        """
        return StoredLogits.of(self.store, rendered)

    def says(self, batch: Batch) -> TopK:
        """Return what the companion has read for this batch."""
        return TopK(batch.extras[IDS].long(), batch.extras[LOGS].float(), batch.extras[TAIL])


class StoredLogits(Companion):
    """Brings the stored records of its sequences along with every micro-batch.

    Args:
        store: Where they are.
        firsts: The number in the store of each training sequence's first position, int64 [sequences].
    """

    def __init__(self, store: LogitStore, firsts: Ints) -> None:
        self.store = store
        self.firsts = firsts

    @classmethod
    def of(cls, store: LogitStore, rendered: RenderedLessons) -> StoredLogits:
        """Find the training sequences.

        Raises:
            DataError: One is not there.
        """
        sequences = [rendered.sequence(number) for number in range(len(rendered.starts) - 1)]
        firsts = store.find(np.array([key_of(found.tokens, found.weights) for found in sequences], np.uint64))
        if (absent := np.flatnonzero(firsts < 0)).size:
            lesson = int(np.searchsorted(rendered.first_sequence, absent[0], side="right")) - 1
            stamp = store.stamp
            raise DataError(
                f"{len(absent)} of {len(firsts)} training sequences are not in {store.folder}; the first is of lesson "
                f"{rendered.ids[lesson]!r}. Stored are {stamp.sequences} sequences of other token ids, rendered by "
                f"{stamp.rendering}. Needed are the very same ids: the same lessons, rendering, template, tokenizer. "
                "Train with what the store was made with, or run `tutelage logits` with the settings of this run."
            )
        return cls(store, firsts)

    @property
    def fingerprint(self) -> str:
        """That of the store's stamp."""
        return self.store.stamp.fingerprint

    def extras(self, numbers: Ints, sequences: Sequence[Weighted]) -> dict[str, Tensor]:
        """Return ids, log-probabilities and tail of every supervised token, [supervised, k] and [supervised]."""
        counts = [len(supervised_positions(weighted.sequence.weights)) for weighted in sequences]
        records = self.store.read(self.firsts[numbers], counts) if counts else np.zeros(1, self.store.stamp.record)
        return {
            IDS: torch.from_numpy(records["ids"].astype(np.int32)),
            LOGS: torch.from_numpy(records["logs"].copy()),
            TAIL: torch.from_numpy(records["tail"].copy()),
        }
