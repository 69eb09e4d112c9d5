from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from lessons.errors import ConfigError, DataError
from lessons.sources.tabular import TabularSource

ROWS = [{"question": f"q{k}", "answer": str(k), "even": k % 2 == 0, "text": str(k % 3)} for k in range(10)]


class Rows(TabularSource):
    label, origin = "rows", "ROWS"

    def rows(self) -> Iterator[tuple[str, Mapping[str, Any]]]:
        return ((f"row {k}", row) for k, row in enumerate(ROWS))


@pytest.mark.parametrize(
    ("settings", "kept"),
    [
        ({}, range(10)),
        ({"limit": 3}, [0, 1, 2]),
        ({"skip": 8}, [8, 9]),
        ({"where": {"even": True}}, [0, 2, 4, 6, 8]),
        ({"where": {"even": True, "text": "0"}}, [0, 6]),
        ({"where": {"text": 1}}, [1, 4, 7]),
        ({"where": {"text": ["1", "2"]}, "skip": 1, "limit": 2}, [2, 4]),
    ],
)
def test_filters_then_skips_then_limits(settings: dict[str, Any], kept: list[int]) -> None:
    assert [prompt.id for prompt in Rows(**settings).prompts()] == [f"rows:{k}" for k in kept]


def test_nothing_left() -> None:
    with pytest.raises(
        DataError, match=r"No prompts in ROWS: 10 rows, 5 of them pass where=\{'even': True\}, 5 are skipped"
    ):
        list(Rows(where={"even": True}, skip=5).prompts())


def test_a_filter_on_a_missing_column() -> None:
    with pytest.raises(DataError, match=r"row 0: no column 'evn'; .*Did you mean 'even'"):
        list(Rows(where={"evn": True}).prompts())


@pytest.mark.parametrize("settings", [{"skip": -1}, {"limit": 0}])
def test_senseless_bounds(settings: dict[str, int]) -> None:
    with pytest.raises(ConfigError, match="skip may be 0 or more, limit 1 or more"):
        list(Rows(**settings).prompts())
