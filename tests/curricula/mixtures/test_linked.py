from __future__ import annotations

from collections.abc import Callable

from curricula.mixtures import Linked, PrefixPool
from curricula.mixtures.base import Moment
from curricula.pacing import Steady
from curricula.pool import Pool


def test_a_task_brings_its_sub_tasks(make_pool: Callable[..., Pool]) -> None:
    pool = make_pool(family=[k // 3 for k in range(30)])
    mixture = Linked(PrefixPool(Steady()), "family")
    for update in range(20):
        places = mixture.draw(pool, mixture.start(pool), Moment(update, 20, 8, 0)).places.tolist()
        families = [place // 3 for place in places]
        assert len(set(places)) == 8
        assert families == sorted(families, key=families.index)  # each family together
        assert sorted(families.count(family) for family in set(families)) == [2, 3, 3]


def test_few_families_are_drawn_again(make_pool: Callable[..., Pool]) -> None:
    pool, mixture = make_pool(family=[0, 0, 1]), Linked(PrefixPool(Steady()), "family")
    assert set(mixture.draw(pool, {}, Moment(0, 1, 7, 0)).places) == {0, 1, 2}
