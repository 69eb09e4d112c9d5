"""SHA-256 fingerprints of columns by content, whatever the chunks they lie in, without one Python object per row."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

__all__ = ["Digest", "update_messages", "update_texts"]


class Digest(Protocol):
    """What `hashlib` returns."""

    def update(self, data: bytes | memoryview, /) -> None:
        """Take in more bytes."""

    def hexdigest(self) -> str:
        """Return the fingerprint of all bytes so far."""


def update_texts(digest: Digest, texts: pa.Array | pa.ChunkedArray | Iterable[str | None]) -> None:
    """Take a column of texts into a fingerprint: the lengths (-1 for null), then the bytes.

    Equal contents give equal fingerprints; moving a character from one row to the next gives another.
    """
    if isinstance(texts, pa.ChunkedArray):
        texts = texts.combine_chunks()
    array = pc.cast(texts if isinstance(texts, pa.Array) else pa.array(texts, pa.large_string()), pa.large_string())
    digest.update(np.asarray(pc.fill_null(pc.binary_length(array), -1)).astype("<i8").tobytes())
    filled = pc.fill_null(array, "")
    _, offset_buffer, data = filled.buffers()
    if data is None or not len(filled):
        return
    offsets = np.frombuffer(offset_buffer, np.int64)[filled.offset : filled.offset + len(filled) + 1]
    digest.update(memoryview(data)[offsets[0] : offsets[-1]])


def update_messages(digest: Digest, conversations: pa.ChunkedArray) -> None:
    """Take a column of conversations (lists of role and content) into a fingerprint."""
    array = conversations.combine_chunks()
    digest.update(np.asarray(pc.fill_null(pc.list_value_length(array), -1)).astype("<i8").tobytes())
    messages = array.flatten()
    for field in ("role", "content"):
        update_texts(digest, pc.struct_field(messages, field))
