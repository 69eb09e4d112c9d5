from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from transformers import (
    get_cosine_schedule_with_warmup,
    get_linear_schedule_with_warmup,
    get_wsd_schedule,
)

from lessons.errors import ConfigError, DataError
from lightning_modules import (
    REX,
    Constant,
    Cosine,
    Infinite,
    Linear,
    Power,
    Refined,
    Schedule,
    SupervisedModule,
    WarmupStableDecay,
)

FALLING = [Linear, Cosine, REX, WarmupStableDecay, Infinite, Power]


def factors(schedule: Schedule, updates: int) -> list[float]:
    return [schedule.factor(k, updates) for k in range(updates)]


@given(st.integers(1, 300), st.floats(0, 0.9), st.sampled_from(FALLING))
def test_the_rate_rises_to_one_then_falls_and_no_update_is_wasted(updates: int, share: float, kind: Any) -> None:
    found = factors(kind(warmup_share=share), updates)
    top = found.index(max(found))
    assert all(0 < factor <= 1 for factor in found)
    assert found[: top + 1] == sorted(found[: top + 1])
    assert found[top:] == sorted(found[top:], reverse=True)


def theirs(make: Callable[..., Any], updates: int, **settings: Any) -> list[float]:
    """The factors of a scheduler of transformers."""
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    scheduler = make(optimizer, **settings)
    rates = []
    for _ in range(updates):
        rates.append(scheduler.get_last_lr()[0])
        optimizer.step()
        scheduler.step()
    return rates


def test_without_warm_up_they_equal_those_of_transformers() -> None:
    linear = theirs(get_linear_schedule_with_warmup, 40, num_warmup_steps=0, num_training_steps=40)
    assert factors(Linear(0.0), 40) == pytest.approx(linear)
    cosine = theirs(get_cosine_schedule_with_warmup, 40, num_warmup_steps=0, num_training_steps=40)
    assert factors(Cosine(0.0), 40) == pytest.approx(cosine)
    decays = theirs(
        get_wsd_schedule, 40, num_warmup_steps=0, num_stable_steps=30, num_decay_steps=10, decay_type="linear"
    )
    assert factors(WarmupStableDecay(0.0, 0.25), 40) == pytest.approx(decays, abs=1e-9)


@given(st.integers(0, 99))
def test_each_falls_by_its_formula(update: int) -> None:
    u = update / 100
    assert REX(0.0).factor(update, 100) == pytest.approx((1 - u) / (0.5 + 0.5 * (1 - u)))
    d = max(0.0, (u - 0.8) / 0.2)
    assert WarmupStableDecay(0.0, 0.2, 0.1, "one_minus_sqrt").factor(update, 100) == pytest.approx(
        0.1 + 0.9 * (1 - math.sqrt(d)), abs=1e-9
    )
    assert WarmupStableDecay(0.0, 0.2, 0.1, "exponential").factor(update, 100) == pytest.approx(0.1**d)
    law = min(1.0, ((update + 1) / 20) ** -0.51) * min(1.0, (1 - u) / 0.1)
    assert Power(0.0, 20, -0.51, 0.1).factor(update, 100) == pytest.approx(law)
    if u < 0.2:
        infinite = 0.3 + 0.7 * 0.5 * (1 + math.cos(math.pi * u / 0.2))
    else:
        infinite = 0.3 * (0.01 / 0.3) ** max(0.0, (u - 0.9) / 0.1)
    assert Infinite(0.0).factor(update, 100) == pytest.approx(infinite)


def test_wsd_s_decays_several_times_and_goes_on_at_the_full_rate() -> None:
    found = factors(WarmupStableDecay(0.0, 0.5, releases=2), 16)
    assert found == pytest.approx(2 * [1.0, 1.0, 1.0, 1.0, 1.0, 0.75, 0.5, 0.25])


def log_of(path: Path, norms: list[float]) -> str:
    path.write_text("update,gradient_norm\n" + "".join(f"{k},{norm}\n" for k, norm in enumerate(norms)))
    return str(path)


def test_constant_norms_refine_to_the_linear_decay(tmp_path: Path) -> None:
    refined = Refined(log_of(tmp_path / "progress.csv", [3.0] * 50))
    assert factors(refined, 50) == pytest.approx([(49 - k) / 49 for k in range(50)])


def test_the_refined_rate_follows_its_formula_and_stretches(tmp_path: Path) -> None:
    norms = [1.0, 2.0, 4.0, 1.0]
    refined = Refined(log_of(tmp_path / "progress.csv", norms), power=2.0, smoothing_share=0.0)
    w = [1 / n**2 for n in norms]
    rates = [w[t] * sum(w[t + 1 :]) for t in range(4)]
    assert factors(refined, 4) == pytest.approx([rate / max(rates) for rate in rates])
    longer = factors(refined, 7)
    assert longer[::2] == pytest.approx(factors(refined, 4))
    assert longer[1] == pytest.approx((longer[0] + longer[2]) / 2)


def test_a_log_without_norms_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("update,loss\n1,2\n")
    with pytest.raises(DataError, match=r"Cannot read gradient norms from .*a.csv.*logs/progress.csv of a run"):
        Refined(str(tmp_path / "a.csv")).factor(0, 10)
    with pytest.raises(DataError, match=r"has 2 gradient norms, and not all are positive"):
        Refined(log_of(tmp_path / "b.csv", [1.0, 0.0])).factor(0, 10)


def test_floor_is_reached_at_the_end_of_the_run() -> None:
    for kind in (Linear, Cosine, REX, WarmupStableDecay):
        assert kind(0.0, floor=0.1).factor(99_999, 100_000) == pytest.approx(0.1, abs=1e-3)
    assert Constant(0.1).factor(99, 100) == 1.0


@pytest.mark.parametrize(
    ("schedule", "message"),
    [
        (Linear(warmup_share=1.5), r"warm-up of 1\.5 .* Allowed is a share .* below 1\. Correct `warmup_share`"),
        (WarmupStableDecay(decay_share=1.5), r"got decay_share=1\.5; each must be a share of the run"),
        (WarmupStableDecay(shape="exponential"), r"shape='exponential', floor=0.*exponential with a floor above 0"),
        (Infinite(cooldown_share=0.6, anneal_share=0.6), r"cooldown_share=0\.6, anneal_share=0\.6.*may not exceed 1"),
        (Infinite(floor=0.5), r"Infinite got floor=0\.5 and constant=0\.3"),
        (Power(exponent=1.0), r"Power got from_update=100 and exponent=1; allowed"),
    ],
)
def test_impossible_settings_are_refused(schedule: Schedule, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        schedule.factor(0, 10)


def test_any_torch_scheduler_works_too(tiny: Any, data: Any, trainer: Any) -> None:
    module = SupervisedModule(
        tiny(),
        lambda parameters: torch.optim.SGD(parameters, lr=1.0),
        lambda optimizer: torch.optim.lr_scheduler.ExponentialLR(optimizer, gamma=0.5),
    )
    built = trainer()
    built.fit(module, data(8))
    assert built.optimizers[0].param_groups[0]["lr"] == pytest.approx(0.5**built.global_step)


@pytest.mark.slow
def test_the_command_line_takes_ours_and_torchs(run: Any, settings: dict[str, Any], tmp_path: Path) -> None:
    settings["trainer"]["max_steps"] = 2
    torchs = {"class_path": "torch.optim.lr_scheduler.ExponentialLR", "init_args": {"gamma": 0.5}}
    for name, schedule in (("ours", {"class_path": "lightning_modules.REX"}), ("torchs", torchs)):
        settings["model"]["schedule"] = schedule
        run(settings, tmp_path / name)
        rows = (tmp_path / name / "logs" / "progress.csv").read_text().splitlines()
        rates = [float(row.split(",")[6]) for row in rows[1:]]
        assert rates == pytest.approx([0.5, 0.25] if name == "torchs" else [0.5, 0.5 * REX().factor(1, 2)])
