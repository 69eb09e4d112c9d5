from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable

import numpy as np
import pytest

from curricula.feedback import Feedback
from curricula.mixtures import SkillIt, skill_graph
from curricula.mixtures.base import Moment
from curricula.pool import Pool
from lessons.errors import ConfigError, DataError

Make = Callable[..., Pool]
GRAPH = {"a": {"b": 0.5, "c": 0.5}, "b": {"c": 0.5}}
LOSSES = [{"a": 1.0, "b": 2.0, "c": 3.0}, {"a": 0.5, "b": 1.5, "c": 3.0}, {"a": 0.2, "b": 1.0, "c": 2.5}]


def shares_by_formula(eta: float, heard: list[dict[str, float]], window: int) -> list[float]:
    """p_i proportional to exp(eta sum over the last w feedbacks of sum_j A_ij L_j), A_ii = 1; first: all L are 1."""
    recent = heard[-window:] or [dict.fromkeys("abc", 1.0)]
    logits = []
    for i in "abc":
        row = {**GRAPH.get(i, {}), i: 1.0}
        logits.append(eta * sum(weight * losses[j] for losses in recent for j, weight in row.items()))
    powers = [math.exp(logit) for logit in logits]
    return [power / sum(powers) for power in powers]


def hear_all(mixture: SkillIt, pool: Pool, heard: list[dict[str, float]]) -> list[np.ndarray]:
    states = [mixture.start(pool)]
    for update, losses in enumerate(heard):
        states.append(mixture.hear(pool, states[-1], Feedback(update, groups={"loss": losses})))
    return [state["shares"] for state in states]


@pytest.mark.parametrize(("eta", "window"), [(0.5, 3), (0.2, 1), (1.0, 2)])
def test_the_shares_are_the_formula(make_pool: Make, eta: float, window: int) -> None:
    pool = make_pool(skill=list("abcabc"))
    made = hear_all(SkillIt("skill", GRAPH, rate=eta, window=window), pool, LOSSES)
    for k, shares in enumerate(made):
        np.testing.assert_allclose(shares, shares_by_formula(eta, LOSSES[:k], window))


def test_worked_numbers(make_pool: Make) -> None:
    """Two skills, a helps b by 0.5, eta 0.5: first exp(0.75) to exp(0.5); then losses 1 and 2: exp(1) to exp(1)."""
    pool = make_pool(skill=["a", "b"])
    first, second = hear_all(SkillIt("skill", {"a": {"b": 0.5}}), pool, [{"a": 1.0, "b": 2.0}])
    np.testing.assert_allclose(first, [0.5621765, 0.4378235], atol=1e-6)
    np.testing.assert_allclose(second, [0.5, 0.5])


def test_losses_may_be_relative_the_step_may_grow_and_targets_be_few(make_pool: Make) -> None:
    pool = make_pool(skill=list("abc"))
    relative = hear_all(SkillIt("skill", GRAPH, relative=True, window=1), pool, LOSSES)[2]
    ratios = [{name: LOSSES[1][name] / LOSSES[0][name] for name in "abc"}]
    np.testing.assert_allclose(relative, shares_by_formula(0.5, ratios, 1))
    scaled = hear_all(SkillIt("skill", GRAPH, scaled=True, window=1), pool, LOSSES)[3]
    np.testing.assert_allclose(scaled, shares_by_formula(0.5 * 6.0 / 3.7, LOSSES[2:], 1))
    aimed = hear_all(SkillIt("skill", GRAPH, target=["c"], window=1), pool, [{"c": 2.0}])[1]
    np.testing.assert_allclose(aimed, np.exp([0.5, 0.5, 1.0]) / np.exp([0.5, 0.5, 1.0]).sum())


def test_an_empty_and_a_complete_graph_move_nothing_when_losses_are_equal(make_pool: Make) -> None:
    pool = make_pool(skill=list("abc"))
    complete = {i: dict.fromkeys("abc", 1.0) for i in "abc"}
    np.testing.assert_allclose(hear_all(SkillIt("skill", complete), pool, LOSSES)[-1], np.full(3, 1 / 3))
    equal = [dict.fromkeys("abc", 2.0)]
    np.testing.assert_allclose(hear_all(SkillIt("skill", {}), pool, equal)[-1], np.full(3, 1 / 3))


def test_lessons_are_drawn_in_these_shares(make_pool: Make) -> None:
    pool = make_pool(skill=["a", "b"] * 30)
    mixture = SkillIt("skill", {"a": {"b": 0.5}})
    counts = Counter(int(k) % 2 for k in mixture.draw(pool, mixture.start(pool), Moment(0, 1, 100, 0)).places)
    assert counts[0] in (56, 57)


def test_the_graph_comes_out_of_trial_runs() -> None:
    alone = {"a": 1.0, "b": 2.0, "c": 3.0}
    together = {"a": {"b": 1.9, "c": 3.1}, "b": {"a": 0.9, "c": 3.0}}
    assert skill_graph(alone, together) == {"a": {"b": 0.5}, "b": {"a": 0.5}}


def test_missing_losses_and_wrong_names_are_refused(make_pool: Make) -> None:
    pool = make_pool(skill=list("ab"))
    with pytest.raises(DataError, match=r"update 4 has no 'loss' for the skill 'b' of 'skill'.*it has them for 1 of 2"):
        SkillIt("skill", {}).hear(pool, SkillIt("skill", {}).start(pool), Feedback(4, groups={"loss": {"a": 1.0}}))
    with pytest.raises(ConfigError, match=r"`graph` names the unknown group 'z'"):
        SkillIt("skill", {"a": {"z": 1.0}}).start(pool)
    with pytest.raises(ConfigError, match=r"rate=0 and window=3; the rate must be above 0"):
        SkillIt("skill", {}, rate=0).start(pool)
