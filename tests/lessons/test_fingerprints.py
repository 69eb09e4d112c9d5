from __future__ import annotations

import hashlib

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from lessons.fingerprints import update_messages, update_texts

columns = st.lists(st.one_of(st.none(), st.text(max_size=4)), max_size=8)
conversations = st.lists(
    st.lists(st.fixed_dictionaries({"role": st.sampled_from(["user", "system"]), "content": st.text(max_size=3)})),
    max_size=5,
)
MESSAGES = pa.list_(pa.struct([("role", pa.string()), ("content", pa.string())]))


def of_texts(column: pa.ChunkedArray) -> str:
    digest = hashlib.sha256()
    update_texts(digest, column)
    return digest.hexdigest()


def of_messages(rows: list[list[dict[str, str]]], cut: int = 0) -> str:
    digest = hashlib.sha256()
    update_messages(digest, pa.chunked_array([rows[:cut], rows[cut:]], MESSAGES))
    return digest.hexdigest()


@settings(deadline=None)  # no timed assertions: the first call pays for imports
@given(columns, columns)
def test_equal_columns_have_equal_fingerprints_and_others_do_not(
    left: list[str | None], right: list[str | None]
) -> None:
    prints = [of_texts(pa.chunked_array([column], pa.string())) for column in (left, right)]
    assert (prints[0] == prints[1]) == (left == right)


@settings(deadline=None)  # no timed assertions: the first call pays for imports
@given(columns, st.integers(0, 8))
def test_chunks_slices_and_offset_width_do_not_matter(column: list[str | None], cut: int) -> None:
    whole = of_texts(pa.chunked_array([column], pa.string()))
    assert of_texts(pa.chunked_array([column[:cut], column[cut:]], pa.string())) == whole
    padded = pa.chunked_array([["before", *column, "after"]], pa.large_string()).slice(1, len(column))
    assert of_texts(padded) == whole


@settings(deadline=None)  # no timed assertions: the first call pays for imports
@given(conversations, conversations, st.integers(0, 5))
def test_conversations_are_told_apart_whatever_their_chunks(
    left: list[list[dict[str, str]]], right: list[list[dict[str, str]]], cut: int
) -> None:
    assert of_messages(left, cut) == of_messages(left)
    assert (of_messages(left) == of_messages(right)) == (left == right)
