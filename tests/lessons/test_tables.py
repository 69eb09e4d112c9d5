from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lessons.errors import DataError
from lessons.records import Annotation, Attempt, Grade, Message, Prompt, Provenance
from lessons.tables import (
    ANNOTATION_SCHEMA,
    PROMPT_SCHEMA,
    ROWS_PER_GROUP,
    read_annotations,
    read_attempts,
    read_prompts,
    read_table,
    write_annotations,
    write_attempts,
    write_prompts,
)

TEXT = st.text(st.characters(codec="utf-8"), max_size=10)
NUMBER = st.floats(allow_nan=False)
COUNT = st.integers(0, 2**62)
JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | NUMBER.filter(lambda x: abs(x) < 1e300) | TEXT,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(TEXT, inner, max_size=2),
    max_leaves=4,
)
GRADES = st.builds(Grade, st.booleans(), NUMBER, st.none() | TEXT, TEXT, st.none() | TEXT)
PROMPTS = st.builds(
    Prompt,
    TEXT,
    st.lists(st.builds(Message, st.sampled_from(["system", "user", "assistant"]), TEXT), max_size=3).map(tuple),
    st.none() | TEXT,
    st.lists(TEXT, max_size=3).map(tuple),
    st.none() | TEXT,
    st.none() | NUMBER,
    st.dictionaries(TEXT, JSON, max_size=2),
)
SOURCES = st.builds(
    Provenance, TEXT, TEXT, TEXT, TEXT, st.none() | COUNT, st.none() | COUNT, st.none() | NUMBER, st.none() | TEXT
)
ANNOTATIONS = st.builds(
    Annotation, TEXT, TEXT, st.integers(0, 2**31 - 1), TEXT, SOURCES, st.none() | TEXT, st.none() | NUMBER,
    st.none() | TEXT, st.none() | TEXT, st.none() | GRADES, st.booleans(), st.dictionaries(TEXT, JSON, max_size=2),
)  # fmt: skip
ATTEMPTS = st.builds(
    Attempt, TEXT, TEXT, TEXT, st.integers(0, 2**31 - 1), st.none() | GRADES, st.none() | COUNT, st.booleans()
)
KINDS = [
    (PROMPTS, write_prompts, read_prompts),
    (ANNOTATIONS, write_annotations, read_annotations),
    (ATTEMPTS, write_attempts, read_attempts),
]


@pytest.mark.parametrize(("records", "write", "read"), KINDS, ids=["prompts", "annotations", "attempts"])
@settings(max_examples=40)
@given(data=st.data())
def test_records_come_back_unchanged(
    tmp_path_factory: pytest.TempPathFactory,
    records: st.SearchStrategy[Any],
    write: Callable[[Path, Iterable[Any]], int],
    read: Callable[[Path], Iterator[Any]],
    data: st.DataObject,
) -> None:
    path = tmp_path_factory.mktemp("table") / "x.parquet"
    written = data.draw(st.lists(records, max_size=4))
    assert write(path, written) == len(written)
    assert list(read(path)) == written


def prompts(count: int) -> Iterator[Prompt]:
    return (Prompt(str(k), (Message("user", f"q{k}"),), metadata={"k": k}) for k in range(count))


@pytest.mark.parametrize("count", [0, 1, ROWS_PER_GROUP, 2 * ROWS_PER_GROUP + 1])
def test_row_groups(tmp_path: Path, count: int) -> None:
    path = tmp_path / "x.parquet"
    assert write_prompts(path, prompts(count)) == count
    assert list(read_prompts(path)) == list(prompts(count))
    assert pq.ParquetFile(path).num_row_groups == max(1, -(-count // ROWS_PER_GROUP))
    assert read_table(path, PROMPT_SCHEMA).num_rows == count


def test_equal_records_make_equal_files(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_prompts(tmp_path / name, prompts(3_000))
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_other_tools_see_whether_a_row_is_trusted(tmp_path: Path) -> None:
    source = Provenance("t", "m", "x/1", "k")
    wrong = Grade(False, 0.0, None, "exact/1", "no")
    write_annotations(
        tmp_path / "x", [Annotation("p", "r", 0, "", source), Annotation("p", "r", 1, "", source, grade=wrong)]
    )
    assert pq.read_table(tmp_path / "x")["trusted"].to_pylist() == [True, False]


@pytest.mark.parametrize("read", [lambda path: read_table(path, PROMPT_SCHEMA), lambda path: list(read_prompts(path))])
def test_unusable_files(tmp_path: Path, read: Callable[[Path], object]) -> None:
    with pytest.raises(DataError, match=r"No file .*gone.parquet. Run the step that writes it first"):
        read(tmp_path / "gone.parquet")
    (tmp_path / "x.parquet").write_bytes(b"PAR1 torn")
    with pytest.raises(DataError, match=r"x.parquet is not a readable Parquet file.*writes it again"):
        read(tmp_path / "x.parquet")
    pq.write_table(pa.table({"id": ["a"], "other": [1]}), tmp_path / "x.parquet")
    with pytest.raises(
        DataError, match=r"x.parquet lacks the column\(s\) messages, .*; it has id, other. Write it again"
    ):
        read(tmp_path / "x.parquet")


def test_a_failing_source_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    write_prompts(path, prompts(1))

    def torn() -> Iterator[Prompt]:
        yield from prompts(3_000)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write_prompts(path, torn())
    assert list(read_prompts(path)) == list(prompts(1))


def test_schemas_hold_every_field() -> None:
    assert {"prompt_id", "grader", "teacher", "trusted"} <= set(ANNOTATION_SCHEMA.names)
