from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lightning_modules import CurriculumDataModule, Linear, Progress, SupervisedModule
from lightning_modules.callbacks import RunFolder, Totals
from lightning_modules.callbacks.run_folder import keep_lines
from students import Student


@given(st.integers(1, 3000))
def test_the_curve_stays_short_and_averages_every_loss_once(updates: int) -> None:
    totals = Totals()
    for update in range(1, updates + 1):
        totals.add_loss(update, float(update))
    assert len(totals.curve) < 400
    assert totals.first_loss == 1.0
    assert totals.final_loss == updates
    covered = len(totals.curve) * totals.curve_stride
    assert covered + len(totals.waiting) == updates
    assert math.fsum(loss for _, loss in totals.curve) * totals.curve_stride == pytest.approx(
        covered * (covered + 1) / 2
    )


def test_a_loss_that_is_not_finite_is_null_in_the_file() -> None:
    totals = Totals()
    totals.add_loss(1, math.nan)
    facts = json.loads(totals.to_json())
    assert facts["final_loss"] is None
    assert facts["curve"] == [[1, None]]


def test_a_plain_line_is_printed_where_there_is_no_bar_and_the_table_has_the_rate_used(
    tiny: Callable[..., Student],
    data: Callable[..., CurriculumDataModule],
    trainer: Callable[..., Any],
    capsys: pytest.CaptureFixture[str],
) -> None:
    built = trainer(Progress(seconds_between_lines=0.0))
    built.fit(SupervisedModule(tiny(), schedule=Linear(0.0)), data())
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("update")]
    assert len(lines) == 6
    assert lines[-1].startswith("update 6/6  loss ")
    assert "tokens/s" in lines[0]
    rates = [float(row.split(",")[6]) for row in RunFolder.of(built).progress.read_text().splitlines()[1:]]
    assert rates == pytest.approx([2e-4 * (1 - k / 6) for k in range(6)], rel=1e-6)


def test_a_log_is_cut_back_to_whole_lines(tmp_path: Any) -> None:
    path = tmp_path / "log"
    path.write_text("one\ntwo\nthr")
    keep_lines(path, 2)
    assert path.read_text() == "one\ntwo\n"
