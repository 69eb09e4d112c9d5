from __future__ import annotations

import math
from itertools import pairwise
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lessons.report_card import Cell, ReportCard
from tutelage.report.pictures import exam_chart, group_chart, loss_chart, running_mean

NAMES = st.one_of(st.text(max_size=80), st.sampled_from([r"$\\frac$", "_hidden", "", "語", "a\x00b", "<b> & c"]))
LOSSES = st.lists(
    st.one_of(st.floats(), st.sampled_from([0.0, 1.0, 1e308, -1e308, 5e-324, math.nan, math.inf])), max_size=9
)


def titles(chart: str) -> set[str]:
    """Read a chart as XML and return its texts."""
    return {found.text or "" for found in ElementTree.fromstring(chart).iter("{http://www.w3.org/2000/svg}text")}


@settings(max_examples=15)
@given(st.dictionaries(NAMES, LOSSES, min_size=1, max_size=2))
def test_any_losses_can_be_drawn(losses: dict[str, list[float]]) -> None:
    curves = {name: list(enumerate(values)) for name, values in losses.items()}
    assert "optimiser updates" in titles(loss_chart(curves))


@pytest.mark.parametrize("losses", [[2.0], [2.0] * 50, [0.0, 0.0], [1e-9, 1e9], [math.nan] * 3, []])
def test_losses_of_any_range_can_be_drawn(losses: list[float]) -> None:
    assert {"arm", "optimiser updates"} <= titles(loss_chart({"arm": list(enumerate(losses))}))


@settings(max_examples=8)
@given(NAMES, NAMES, st.integers(0, 3))
def test_any_names_can_be_drawn(author: str, group: str, correct: int) -> None:
    cell = Cell.of([True] * correct + [False] * (3 - correct))
    card = ReportCard(author, "number/1", 0.95, 3, 0, cell, {}, {}, 0, None)
    assert f"{100 * correct / 3:.1f}%  ({correct}/3)" in titles(exam_chart([card]))
    assert "n = 3" in titles(group_chart([group, "other"], {author: {group: cell, "other": cell}}, "topic"))


def test_a_gap_does_not_end_the_running_mean() -> None:
    assert running_mean([4.0, math.nan, 2.0])[::2] == [4.0, 2.0]
    assert math.isnan(running_mean([4.0, math.nan, 2.0])[1])
    smooth = running_mean([float(k % 2) for k in range(200)])
    assert all(abs(later - earlier) < 0.15 for earlier, later in pairwise(smooth[20:]))
