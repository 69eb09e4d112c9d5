from __future__ import annotations

import json
from pathlib import PurePosixPath

import pytest

from curricula import Shuffled, Tiers
from curricula.description import describe
from lessons.errors import ConfigError


class Nested:
    """A part of parts."""

    def __init__(self, inner: Tiers, where: PurePosixPath, numbers: tuple[int, ...], shares: dict[str, float]) -> None:
        self.inner, self.where, self.numbers, self.shares = inner, where, numbers, shares


class Forgetful:
    """Keeps its argument under another name."""

    def __init__(self, width: float) -> None:
        self.half = width / 2


def test_short_paths_where_the_package_exports_the_part() -> None:
    assert describe(Shuffled()) == {"class_path": "curricula.Shuffled", "init_args": {}}


def test_nested_parts_and_paths_become_json() -> None:
    found = describe(Nested(Tiers(2), PurePosixPath("a/b"), (1, 2), {"x": 0.5}))
    assert found["class_path"].endswith("test_description.Nested")
    assert found["init_args"] == {
        "inner": {"class_path": "curricula.Tiers", "init_args": {"tiers": 2, "missing": "error"}},
        "where": "a/b",
        "numbers": [1, 2],
        "shares": {"x": 0.5},
    }
    assert json.loads(json.dumps(found)) == found


def test_a_part_that_does_not_keep_its_arguments_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"Forgetful does not keep .* 'width'; .* Add `self\.width = width`"):
        describe(Forgetful(1.0))
