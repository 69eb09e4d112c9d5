from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lessons.errors import DataError
from lessons.sources import ColumnMap, ParquetSource


def test_a_file_and_a_folder(tmp_path: Path) -> None:
    for name, start in (("b", 1_500), ("a", 0)):
        rows = [{"question": f"q{k}", "answer": k, "meta": {"level": k / 2}} for k in range(start, start + 1_500)]
        pq.write_table(pa.Table.from_pylist(rows), tmp_path / f"{name}.parquet")
    found = list(ParquetSource(str(tmp_path), ColumnMap(difficulty="meta.level")).prompts())
    assert [p.question for p in found] == [f"q{k}" for k in range(3_000)]
    assert found[3].difficulty == 1.5
    assert len({p.id for p in found}) == 3_000
    assert len(list(ParquetSource(str(tmp_path / "a.parquet")).prompts())) == 1_500


def test_rows_are_named(tmp_path: Path) -> None:
    rows = [{"question": "a" if k < 1_200 else None, "answer": "1"} for k in range(1_300)]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "x.parquet")
    with pytest.raises(DataError, match=r"x.parquet, row 1200: the question in column 'question' is empty"):
        list(ParquetSource(str(tmp_path / "x.parquet")).prompts())


def test_what_is_no_parquet(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"holds no .parquet file"):
        list(ParquetSource(str(tmp_path)).prompts())
    (tmp_path / "x.parquet").write_text("question,answer\n")
    with pytest.raises(DataError, match=r"x.parquet is not a readable Parquet file .*JSONLSource and CSVSource"):
        list(ParquetSource(str(tmp_path / "x.parquet")).prompts())
