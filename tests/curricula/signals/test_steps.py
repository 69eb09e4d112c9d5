from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from curricula import Steps
from lessons.errors import ConfigError


@pytest.mark.parametrize(("unit", "expected"), [("lines", [2, 1]), ("sentences", [3, 1]), ("equations", [2, 0])])
def test_steps_are_counted(written: Callable, unit: str, expected: list[int]) -> None:
    lessons = written(["q", "q", "q"], ["2 + 2 = 4. So x = 4!\n\nDone.", "a <= b", None])
    column = Steps(unit=unit).measure(lessons)  # type: ignore[arg-type]
    assert Steps(unit=unit).name == f"rationale_{unit}"  # type: ignore[arg-type]
    assert column.values[:2].tolist() == expected
    assert np.isnan(column.values[2])


def test_unknown_units_are_refused(written: Callable) -> None:
    with pytest.raises(ConfigError, match=r"cannot count 'words'; allowed are 'lines', 'sentences', 'equations'"):
        Steps(unit="words").measure(written(["q"]))  # type: ignore[arg-type]
