from __future__ import annotations

import sys

import numpy as np
import pytest
import scipy.stats

from curricula.display.reliability import reliability, tied_share
from curricula.signal_table import SignalTable
from curricula.signals.base import Column


def test_the_report_names_gaps_ties_and_lengths_in_disguise() -> None:
    columns = {
        "loss": Column(np.array([0.1, 0.2, 0.3, np.nan]), provenance={"split_half": 0.8123}),
        "length": Column(np.array([10.0, 20.0, 30.0, 30.0]), "characters"),
        "topic": Column(np.zeros(4), labels=("a",)),
    }
    rows = dict(reliability(SignalTable(np.array(list("wxyz"), object), columns, "")))
    assert rows["loss"] == ("0% of the lessons tied, split-half reliability 0.81, +1.00 with length (a length)")
    assert rows["length"] == "50% of the lessons tied, +1.00 with loss"
    assert "topic" not in rows


def test_correlations_among_very_many_lessons_are_those_of_a_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    generator = np.random.default_rng(1)
    easy = generator.normal(size=20_000)
    columns = {"a": Column(easy), "b": Column(easy + generator.normal(size=20_000))}
    table = SignalTable(np.arange(20_000).astype(str).astype(object), columns, "")
    (_, exact), _ = reliability(table)
    monkeypatch.setattr(sys.modules[reliability.__module__], "MOST_COMPARED", 5_000)
    (_, sampled), _ = reliability(table)
    whole, part = (float(text.split(", ")[1].split()[0]) for text in (exact, sampled))
    assert whole == pytest.approx(scipy.stats.spearmanr(easy, columns["b"].values).statistic, abs=0.006)
    assert part == pytest.approx(whole, abs=0.03)


def test_ties_are_counted_among_the_known() -> None:
    assert tied_share(np.array([1.0, 1, 2, 2, 3])) == 0.8
    assert np.isnan(tied_share(np.array([np.nan])))
