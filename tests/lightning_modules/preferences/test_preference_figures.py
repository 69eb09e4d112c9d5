from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from lightning_modules.preferences import AFT, DPO, Texts
from lightning_modules.preferences.preference_figures import Figures


def texts_of(sums: list[float], chosen: list[bool], lesson: list[int], weight: list[float]) -> Texts:
    def row(values: list[float]) -> torch.Tensor:
        return torch.tensor(values, dtype=torch.float64)

    return Texts(
        log_probability=row(sums),
        tokens=torch.full((len(sums),), 2.0, dtype=torch.float64),
        chosen=torch.tensor(chosen, dtype=torch.bool),
        lesson=torch.tensor(lesson, dtype=torch.int64),
        weight=row(weight),
        score=row([float(up) for up in chosen]),
        usual_tokens=row([2.0] * len(sums)),
        reference_log_probability=row([-1.0] * len(sums)),
        reference_point=torch.tensor(0.0, dtype=torch.float64),
    )


NOTHING = texts_of([], [], [], [])


def closed(figures: Figures) -> dict[str, float]:
    return {name: float(value) for name, value in figures.close(lambda sums: sums).items()}


def test_means_run_over_the_whole_update_with_the_weights_of_its_lessons() -> None:
    figures = Figures(DPO(reward_scale=0.5))
    figures.add(texts_of([-2.0, -4.0], [True, False], [0, 0], [3.0, 3.0]), NOTHING)
    figures.add(NOTHING, NOTHING)
    strangers = texts_of([-9.0, -5.0], [False, False], [0, 0], [1.0, 1.0])
    figures.add(texts_of([-6.0, -2.0], [True, False], [0, 0], [1.0, 1.0]), strangers)
    found = closed(figures)
    assert found == pytest.approx(
        {
            "chosen_log_probability": (3 * -1 + -3) / 4,
            "rejected_log_probability": (3 * -2 + -1) / 4,
            "margin": 0.5 * (3 * 2 - 4) / 4,
            "preference_accuracy": 0.75,
            "chosen_fall": (3 * 0.5 + 2.5) / 4,
            "mismatched_log_ratio": -6.0,
        }
    )
    assert closed(figures) == {}  # a new update


def test_without_pairs_every_good_text_is_compared_with_every_bad_one_of_its_lesson() -> None:
    figures = Figures(AFT())
    figures.add(texts_of([-2.0, -3.0, -4.0, -8.0], [True, True, False, False], [0, 1, 0, 0], [1.0] * 4), NOTHING)
    found = closed(figures)
    assert found["margin"] == pytest.approx(((2 - 1) + (4 - 1)) / 2)  # the second lesson has nothing to compare
    assert "mismatched_log_ratio" not in found


def test_a_side_that_is_absent_has_no_figures() -> None:
    figures = Figures(AFT())
    alone = texts_of([-2.0], [True], [0], [1.0])
    figures.add(alone, replace(alone).where(~alone.chosen))
    assert set(closed(figures)) == {"chosen_log_probability", "chosen_fall"}
