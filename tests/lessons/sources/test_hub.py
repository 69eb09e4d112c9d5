from __future__ import annotations

from pathlib import Path

import pytest

from lessons.errors import DataError
from lessons.sources import HubSource


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from datasets import Dataset, DatasetDict

    folder = tmp_path_factory.mktemp("hub")
    rows = Dataset.from_list([{"question": f"q{k}", "answer": str(k)} for k in range(2_500)])
    rows.save_to_disk(folder / "one")
    DatasetDict({"train": rows, "test": rows.select(range(2))}).save_to_disk(folder / "several")
    return folder


def test_a_saved_data_set(saved: Path) -> None:
    assert [p.question for p in HubSource(str(saved / "one")).prompts()] == [f"q{k}" for k in range(2_500)]
    assert [p.id for p in HubSource(str(saved / "several"), split="test").prompts()] == [
        "several/test:0",
        "several/test:1",
    ]


def test_an_unknown_split(saved: Path) -> None:
    with pytest.raises(DataError, match=r"has no split 'exam'; it has 'train', 'test'. Name one with `split`"):
        list(HubSource(str(saved / "several"), split="exam").prompts())


def test_local_files_are_for_other_sources(tmp_path: Path) -> None:
    (tmp_path / "x.csv").touch()
    with pytest.raises(DataError, match=r"was not written by save_to_disk, .*For files use CSVSource"):
        list(HubSource(str(tmp_path)).prompts())


def test_a_name_that_cannot_be_fetched() -> None:
    with pytest.raises(DataError, match=r"data set 'nobody/nothing' .*HF_HUB_OFFLINE forbids .*JSONLSource"):
        list(HubSource("nobody/nothing").prompts())
