"""Recipes that say when each lesson comes: orders, stages, pacing, weights, and what of a solution is shown.

Every recipe is planned, and trained where it must be, and does what its method promises.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from lightning_modules import WarmupStableDecay
from tests.recipes.curriculum_run import Ran, check_recipe, name_of, rises, runs_of


def human_inspired_orders(ran: Ran) -> None:
    arms = list(ran.course.arms)
    assert len(arms) == 7
    assert all(sorted(ran.ids(arm)) == sorted(ran.ids("random")) for arm in arms)
    assert rises(ran.along("curriculum", "teacher_difficulty"))
    assert rises(ran.along("easy-medium-hard", "tier"))
    assert not rises(ran.along("easy-medium-hard", "teacher_difficulty"))
    for arm in ("blocked", "blocked-curriculum"):
        assert len(runs_of(ran.along(arm, "topic"))) == 2
    for arm in ("interleaved", "interleaved-curriculum"):
        runs = runs_of(ran.along(arm, "topic"))
        assert [topic for topic, _ in runs] == [0, 1, 0, 1, 0, 1]  # part after part, each with all topics
        for topic in (0, 1):
            sizes = [size for found, size in runs if found == topic]
            assert max(sizes) - min(sizes) <= 1
    topics, difficulty = (ran.along("interleaved-curriculum", name) for name in ("topic", "teacher_difficulty"))
    assert all(rises(difficulty[topics == topic]) for topic in (0, 1))


def competence_pacing(ran: Ran) -> None:
    table = ran.signals("competence")
    rank = dict(zip(table.lesson_ids.tolist(), table.rank.tolist(), strict=True))
    drawn = np.array([rank[lesson] for lesson in ran.ids("competence")]).reshape(40, 16)
    progress = np.minimum(1, np.arange(40) / 40 / 0.5)
    competence = np.minimum(1, np.sqrt(progress * (1 - 0.01**2) + 0.01**2))
    assert (drawn.max(axis=1) < np.maximum(1, np.ceil(competence * 160))).all()
    assert drawn[-1].max() > 100
    by_rank = np.argsort(table.rank)
    assert rises(table.column("rationale_rarity").values[by_rank])
    control = ran.signals("same-growth-no-order")
    assert not rises(control.column("rationale_rarity").values[np.argsort(control.rank)])


def cyclical(ran: Ran) -> None:
    ids = ran.ids("cyclical")
    sizes = [20, 40, 80, 40, 20, 40]
    for start, size in zip(np.cumsum([0, *sizes]).tolist(), sizes, strict=False):
        assert len(set(ids[start : start + size])) == size  # no repeats in a pass
    assert sum(sizes) == len(ids) == len(ran.ids("plain"))
    assert (ran.signals("cyclical").column("confidence").values > 0).all()


def corgi_interleaving(ran: Ran) -> None:
    half = len(ran.ids("interleaving")) // 2
    level, subject = (ran.along("interleaving", name)[:half] for name in ("given_carries", "topic"))
    assert rises(level)
    assert len(runs_of(subject[level == 1])) > 10  # the subjects of a level are mixed
    assert len(runs_of(ran.along("blocking", "topic")[:half])) == 3


def re_ranking_weights(ran: Ran) -> None:
    assert ran.ids("easy-weighs-more") == ran.ids("hard-weighs-more") == ran.ids("random")
    assert (ran.plan("random").weight == 1).all()
    faded = np.minimum(1, np.repeat(np.arange(20) / 20, 16) / 0.5)
    hard = ran.along("easy-weighs-more", "difficulty")
    np.testing.assert_allclose(ran.plan("easy-weighs-more").weight, (1 - hard) * (1 - faded) + faded, atol=1e-6)
    np.testing.assert_allclose(ran.plan("hard-weighs-more").weight, hard * (1 - faded) + faded, atol=1e-6)


def stages_of_groups(ran: Ran, sequential: str, cumulative: str, by: str) -> None:
    """Check that one arm takes group after group, the other all groups up to the stage's."""
    for arm in (sequential, cumulative):
        stage, group = ran.plan(arm).stage, ran.along(arm, by)
        assert sorted(set(stage.tolist())) == [0, 1, 2]
        assert (group == stage).all() if arm == sequential else (group <= stage).all()
    last = ran.along(cumulative, by)[ran.plan(cumulative).stage == 2]
    assert set(last.tolist()) == {0, 1, 2}


def small_code_stages(ran: Ran) -> None:
    stages_of_groups(ran, "sequential", "incremental", "level")
    stage, level = ran.plan("hybrid").stage, ran.along("hybrid", "level")
    assert 0.15 < (level < stage)[stage > 0].mean() < 0.45


def mixed_curriculum(ran: Ran) -> None:
    stages_of_groups(ran, "sequential", "mixed", "topic")


def degree_curriculum(ran: Ran) -> None:
    assert (ran.along("degree", "given_carries") <= ran.plan("degree").stage).all()  # each set holds the former
    assert len(ran.heard("degree")) == 5
    assert ran.states("degree")[-1][1]["stage"] >= 1  # a gate was opened by what was heard


def easy_hard_all(ran: Ran) -> None:
    assert ran.along("easy", "given_difficulty").max() <= 2 < 4 <= ran.along("hard", "given_difficulty").min()
    assert set(ran.along("all", "given_difficulty").tolist()) >= {1, 2, 3, 4, 5}


def gain_rl(ran: Ran) -> None:
    table = ran.signals("gaussian")
    assert rises(-table.column("angle_concentration").values[np.argsort(table.rank)])
    centre = 0.0
    for line in ran.heard("gaussian"):
        move = 6 * np.tanh(2 * (line["pass_rate"] - 0.02)) + 6 * np.tanh(2 * line["probe_angle_concentration"])
        centre = min(59.0, centre + min(max(move, 0.0), 30.0))
    assert 0 < centre < 59
    assert ran.states("gaussian")[-1][1]["centre"] == pytest.approx(centre)


def dual_stage_mixed(ran: Ran) -> None:
    second = ran.plan("dual-stage").stage == 1
    assert (ran.along("sequential", "topic")[second] == 0).all()
    assert 0.03 < (ran.along("dual-stage", "topic")[second] != 0).mean() < 0.1  # 1/16


def replay_with_re_warm(ran: Ran) -> None:
    second = ran.plan("replay").stage == 1
    assert (ran.along("no-replay", "topic")[second] == 2).all()
    assert 0.02 < (ran.along("replay", "topic")[second] != 2).mean() < 0.08
    schedule = WarmupStableDecay(**ran.course.training.schedule["init_args"])
    rates = [schedule.factor(update, 40) for update in range(40)]
    assert np.flatnonzero(second).min() == 21 * 16
    assert rates[20] < 0.3 < 1 == rates[21]  # decayed at the end of the first stage, full again in the second


def power_law_rehearsal(ran: Ran) -> None:
    counts = np.bincount(ran.along("power-law", "topic").astype(int))
    assert counts[:2].sum() / counts.sum() == pytest.approx(0.3, abs=0.02)
    assert counts[1] / counts[0] == pytest.approx(2, rel=0.2)


def composed_parts(ran: Ran) -> None:
    shown = ran.plan("mosaic").view
    assert shown is not None
    assert np.bincount(shown).min() > 38  # of 160, a third each
    turned = ran.plan("more-and-more").view
    assert turned is not None
    assert rises(turned)
    assert np.bincount(turned).tolist() == [64, 48, 48]  # 4, 3 and 3 of 10 updates
    assert ran.plan("one-by-one").view is None


def reverse_curriculum(ran: Ran) -> None:
    turned, mixed = ran.plan("reverse").view, ran.plan("mixed").view
    assert turned is not None
    assert mixed is not None
    assert rises(turned)
    assert np.bincount(turned).tolist() == [48, 48, 48, 48]
    assert np.bincount(mixed).min() > 30  # of 192, a quarter each


def success_near_half(ran: Ran) -> None:
    table = ran.signals("near-half")
    rate, worth = (table.column(name).values for name in ("pass_rate", "worth"))
    np.testing.assert_allclose(worth, np.exp(-((rate - 0.5) ** 2) / (2 * 0.2**2)))
    assert (rate > 0).any()  # the student passes some
    drawn = np.array([ran.ids("near-half").count(name) for name in table.lesson_ids])
    likely = worth >= np.median(worth)
    assert likely.all() or drawn[likely].mean() > drawn[~likely].mean()


CHECKS = [
    human_inspired_orders,
    competence_pacing,
    cyclical,
    corgi_interleaving,
    re_ranking_weights,
    small_code_stages,
    mixed_curriculum,
    degree_curriculum,
    easy_hard_all,
    gain_rl,
    dual_stage_mixed,
    replay_with_re_warm,
    power_law_rehearsal,
    composed_parts,
    reverse_curriculum,
    success_near_half,
]


@pytest.mark.slow
@pytest.mark.parametrize("check", CHECKS, ids=name_of)
def test_a_recipe_does_what_its_method_promises(check: Callable[[Ran], None], here: None) -> None:
    check_recipe(check)
