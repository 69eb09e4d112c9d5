from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from lightning.pytorch import Callback, LightningModule

from lessons.errors import ConfigError
from lightning_modules import (
    CurriculumDataModule,
    CurriculumFeedback,
    StopOnGradientNorm,
    StopOnPlateau,
    StopOnTokens,
    SupervisedModule,
)
from lightning_modules.callbacks import Progress, RunFolder, UpdateCheckpoint
from lightning_modules.measures import Figures, Measure
from students import Student


@pytest.fixture
def go(tiny: Callable[..., Student], data: Callable[..., CurriculumDataModule], trainer: Callable[..., Any]) -> Any:
    def run(*callbacks: Callback, ckpt_path: Path | None = None, **settings: Any) -> Any:
        built = trainer(*callbacks, **settings)
        module = SupervisedModule(tiny(), lambda parameters: torch.optim.SGD(parameters, lr=0.1))
        built.fit(module, data(8), ckpt_path=ckpt_path)
        return built

    return run


def test_a_token_budget_ends_the_run_after_the_update_that_reaches_it(go: Any, caplog: Any, tmp_path: Path) -> None:
    caplog.set_level(logging.INFO)
    go(Progress())
    rows = [row.split(",") for row in RunFolder(tmp_path / "run").progress.read_text().splitlines()[1:]]
    budget = int(rows[1][2]) + 1  # a token more than two updates read
    assert go(StopOnTokens(budget)).global_step == 3
    assert f"of {budget:,} tokens are used up" in caplog.text
    supervised = int(rows[0][3])
    assert go(StopOnTokens(supervised, supervised=True)).global_step == 1


def test_a_stopped_run_has_a_checkpoint_and_counts_on_from_it(go: Any, tmp_path: Path) -> None:
    rule = StopOnTokens(1)
    go(rule, UpdateCheckpoint(every_updates=None), enable_checkpointing=True)
    saved = torch.load(RunFolder(tmp_path / "run").checkpoint, weights_only=True)
    assert saved["callbacks"]["StopOnTokens"] == {"used": rule.used}
    other = StopOnTokens(10**9)
    other.load_state_dict(saved["callbacks"]["StopOnTokens"])
    assert other.used == rule.used > 0


@pytest.mark.parametrize(
    ("build", "updates"),
    [
        (lambda: StopOnTokens(1), 1),
        (lambda: StopOnGradientNorm(above=1e-9, patience=2, after_updates=1), 3),
        (lambda: StopOnPlateau("loss", patience=1, least_change=100.0), 2),
    ],
)
def test_a_run_that_ended_makes_no_update_when_it_is_resumed_to_write_its_student(
    go: Any, tmp_path: Path, build: Callable[[], Callback], updates: int
) -> None:
    go(build(), UpdateCheckpoint(every_updates=None), enable_checkpointing=True)
    again = go(build(), ckpt_path=RunFolder(tmp_path / "run").checkpoint)
    assert again.global_step == updates


def test_a_process_that_does_not_know_the_figure_stops_with_the_one_that_does() -> None:
    others = SimpleNamespace(reduce_boolean_decision=lambda mine, all: mine or not all)  # another process votes yes
    trainer: Any = SimpleNamespace(
        callbacks=[], callback_metrics={}, strategy=others, should_stop=False, is_global_zero=False
    )
    batch: Any = SimpleNamespace(plan=SimpleNamespace(closes_update=True, update=0))
    StopOnPlateau("student_share").on_train_batch_end(trainer, None, None, batch, 0)  # type: ignore[arg-type]
    assert trainer.should_stop


class Told(Callback):
    """Logs a figure from a list, one an update, before the rule looks; of None, nothing."""

    def __init__(self, values: list[float | None]) -> None:
        self.values = values

    def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx) -> None:
        value = self.values[min(batch.plan.update, len(self.values) - 1)]
        if value is not None:
            trainer.callback_metrics["figure"] = torch.tensor(value)


@pytest.mark.parametrize(
    ("values", "settings", "updates"),
    [
        ([3.0, 2.0, 2.5, 2.4, 1.0, 0.5], {"patience": 2}, 4),
        ([3.0, 2.0, 2.5, 1.0, 2.5, 2.6], {"patience": 2}, 6),
        ([3.0, 2.0, 2.0, 2.0, 2.0, 2.0], {"patience": 2}, 4),  # the same value again is no improvement
        ([1.0, 2.0, 1.5], {"patience": 1, "better": "higher"}, 3),
        ([3.0, 2.99, 2.98], {"patience": 2, "least_change": 0.1}, 3),
        ([3.0, None, None, 3.5, None, 4.0], {"patience": 2}, 6),  # not logged again is no measurement
    ],
)
def test_a_figure_that_no_longer_improves_ends_the_run(
    go: Any, values: list[float | None], settings: dict[str, Any], updates: int
) -> None:
    assert go(Told(values), StopOnPlateau("figure", **settings)).global_step == updates


def test_a_rule_that_never_saw_its_figure_says_so(go: Any, caplog: Any) -> None:
    go(StopOnPlateau("nothing"))
    assert "StopOnPlateau never saw the figure 'nothing'; logged were: loss" in caplog.text


def test_large_gradients_end_the_run(go: Any, caplog: Any) -> None:
    caplog.set_level(logging.INFO)
    assert go(StopOnGradientNorm(above=1e-9, patience=2, after_updates=1)).global_step == 3
    assert "was above 1e-09 for 2 updates" in caplog.text
    assert go(StopOnGradientNorm(above=1e9)).global_step == 6


def test_a_module_that_measures_no_gradient_is_refused() -> None:
    rule, other = StopOnGradientNorm(above=1.0), SimpleNamespace(lightning_module=LightningModule())
    with pytest.raises(ConfigError, match="LightningModule measures none"):
        rule.verdict(other, batch=None)


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        (StopOnTokens(0), "StopOnTokens got tokens=0; allowed is 1 or more"),
        (StopOnPlateau(patience=0), "StopOnPlateau got patience=0"),
        (StopOnGradientNorm(above=-1.0), "StopOnGradientNorm got above=-1"),
    ],
)
def test_impossible_settings_are_refused(go: Any, rule: Callback, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        go(rule)


class Same(Measure):
    """Measures the same pass rate every time."""

    def measure(self, module: SupervisedModule) -> Figures:
        return Figures({"pass_rate": 0.25})


def test_what_is_measured_now_and_then_counts_once_for_every_measurement(go: Any) -> None:
    rule = StopOnPlateau("pass_rate", patience=1, better="higher")
    assert go(CurriculumFeedback(2, [Same()]), rule).global_step == 4  # measured after updates 2 and 4
    assert go(CurriculumFeedback(2, [Same()]), StopOnPlateau("pass_rate", patience=3)).global_step == 6


@pytest.mark.parametrize(("scaler", "reason"), [(None, "the gradient is not finite"), (object(), None)])
def test_an_infinite_gradient_ends_a_run_unless_its_update_is_left_out(scaler: Any, reason: str | None) -> None:
    """Where float16 is scaled, an update whose gradient is infinite is left out and the scale lowered."""
    module = SimpleNamespace(gradient_norm=torch.tensor(torch.inf))
    at_work: Any = SimpleNamespace(lightning_module=module, precision_plugin=SimpleNamespace(scaler=scaler))
    batch: Any = SimpleNamespace(plan=SimpleNamespace(update=50))
    assert StopOnGradientNorm(above=1.0).verdict(at_work, batch) == reason
