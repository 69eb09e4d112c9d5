"""No import climbs: not one inside a function or for type checkers alone, which Python itself would let pass."""

from __future__ import annotations

from graphlib import CycleError, TopologicalSorter

import grimp
import pytest

PACKAGES = ("lessons", "teachers", "curricula", "students", "lightning_modules", "tutelage")


def test_no_two_files_need_each_other() -> None:
    graph = grimp.build_graph(*PACKAGES, cache_dir=None)
    below = {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}
    assert sum(map(len, below.values())) > 1_000
    try:
        TopologicalSorter(below).prepare()
    except CycleError as error:
        pytest.fail("These files import one another in a circle: " + " <- ".join(error.args[1]))
