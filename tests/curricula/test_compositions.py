"""What holds for a plan made of any parts: it conserves, repeats itself, has the same ranks' union, and resumes."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import curricula as c
from curricula.from_rule import timetable_of
from curricula.signals.embedding import Embedding
from lessons.errors import BadInput, DataError
from lessons.lesson_set import LessonSet

BY, GROUP, VIEW = "hardness", "skill", "half"
SIGNALS: list[c.Signal] = [
    c.TeacherLabel(),
    c.Length(),
    c.Category("metadata.skill"),
    c.Calibrated(c.TeacherLabel(), c.RankShare(), BY),
    c.Calibrated(c.TeacherLabel(), c.EqualTiers(2), VIEW),
]
COUNT, DELAY = 4, 2
REFUSALS = (  # where parts rightly refuse one another: nothing is left, or nothing to draw from, or views of others
    "leaves none of the", "has no lessons", "replay all groups", "around Linked", "around Replay",
)  # fmt: skip


class ByPlace(Embedding):
    """Vectors made from the lessons' positions."""

    def embed(self, lessons: LessonSet, positions: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        return np.stack([positions % 5, positions % 3, np.ones(len(positions))], axis=1).astype(np.float32)


def every(kind: type) -> set[str]:
    """Return the names of all parts of a kind that the package exports and that can be used as they are."""
    found = (getattr(c, name) for name in c.__all__)
    return {part.__name__ for part in found if isinstance(part, type) and issubclass(part, kind) and usable(part)}


def usable(part: type) -> bool:
    return not getattr(part, "__abstractmethods__", None)


ORDERINGS: list[c.Ordering] = [
    c.Shuffled(), c.EasyFirst(), c.HardFirst(), c.Tiers(3), c.SortedBy([GROUP, f"-{BY}"]),
    c.Blurred(c.HardFirst()), c.Blocked(GROUP, c.Tiers(2)), c.Interleaved(GROUP, c.EasyFirst(), 2),
    c.Blurred(c.Blocked(GROUP, c.EasyFirst(), "shuffled"), 0.2),
    c.Blocked(GROUP, c.Interleaved(VIEW, c.Shuffled(), 3, mixed=True), "easy_first"),
    c.Topological(GROUP, {"a": ["c"]}, c.Tiers(2)), c.CentroidPath(GROUP, ByPlace(), c.EasyFirst()),
]  # fmt: skip
PACINGS: list[c.Pacing] = [
    c.Steady(0.7), c.Stages([0.3, 1.0]), c.RootPacing(0.2), c.Glide(0.1, curve="cosine"), c.Swing(), c.PerRound([0.4]),
    c.Gate([0.3, 0.6, 1.0], threshold=0.5, patience=2, at_latest=[0.4, 0.8]),
]  # fmt: skip
SELECTORS: list[c.Selector] = [
    c.Band(BY, 0.2), c.Best(BY, 0.7), c.ByLot(0.8), c.Quota(GROUP, 0.9, prefer=BY), c.Best(BY, 0.9, which="lowest"),
    c.Thinned(BY, high=0.5), c.Distinct(), c.OnePer([GROUP, VIEW, BY]), c.NearlyDistinct(0.95),
    c.Amounts(GROUP, {"a": {"a": 1.0}}, share=0.5, least_share=0.1),
    c.FacilityLocation(c.NearestNeighbours(ByPlace(), 2), 0.6),
]  # fmt: skip
LEAVES: list[c.Mixture] = [
    c.RandomSubsets(0.5), c.CyclicPasses(BY), c.SpacedRepeats(3), c.WeightedDraw(BY, 0.5), c.GaussianRank(3.0, 6.0),
    c.GroupMixture(GROUP, temperature=2.0), c.GroupStages(GROUP, cumulative=True), c.GroupStages(GROUP, carry=0.25),
    c.SkillIt(GROUP, {"a": {"b": 0.5}}), c.UpperConfidence(GROUP, "accuracy", choices=2),
    c.Thompson(GROUP, "accuracy"), c.LearningProgress(GROUP), c.GroupGap(GROUP, "loss"), c.BestHeard("loss", 0.5),
    c.SkipEasy(begin=0.1, window=8, terms=32),
]  # fmt: skip
pacings = st.sampled_from(PACINGS)
leaves = st.one_of(
    st.sampled_from(LEAVES),
    st.builds(c.PrefixPool, pacings, st.sampled_from([None, 0.3])),
    st.builds(c.SlidingBell, pacings),
    st.builds(c.SelfPaced, pacings),
)


def around(inner: st.SearchStrategy[c.Mixture]) -> st.SearchStrategy[c.Mixture]:
    """Return what may go around a mixture."""
    return st.one_of(
        st.builds(c.WeightedLoss, inner, st.just(BY), st.none() | pacings),
        st.builds(c.LossByLoss, inner, st.just("loss"), st.just(0.5)),
        st.builds(c.Linked, inner, st.just(VIEW)),
        st.builds(c.Replay, inner, st.just(GROUP), st.just(["b", "a"]), pacings, st.just(1.0)),
        st.builds(c.Dial, inner, pacings, st.just(2), st.sampled_from(["together", "between", "opened"])),
        st.builds(c.ViewBy, inner, st.just(VIEW)),
    )


mixtures = st.recursive(leaves, around, max_leaves=3)


def names_in(part: object) -> Iterator[str]:
    """Yield the class of a part and of all parts inside it."""
    yield type(part).__name__
    for value in vars(part).values():
        if isinstance(value, c.Mixture | c.Pacing | c.Ordering):
            yield from names_in(value)


def test_every_part_of_the_package_takes_part_in_the_compositions() -> None:
    assert {name for part in ORDERINGS for name in names_in(part)} == every(c.Ordering)
    assert {type(part).__name__ for part in PACINGS} == every(c.Pacing)
    assert {type(part).__name__ for part in SELECTORS} == every(c.Selector) - {"NotInExam"}  # it needs an exam's file
    wrappers = {
        "PrefixPool",
        "SlidingBell",
        "SelfPaced",
        "WeightedLoss",
        "LossByLoss",
        "Linked",
        "Replay",
        "Dial",
        "ViewBy",
    }
    assert {type(part).__name__ for part in LEAVES} | wrappers == every(c.Mixture)


def skilled(make_lessons: Callable[..., LessonSet], labels: Sequence[int]) -> LessonSet:
    return make_lessons([label / 9 for label in labels], [{"skill": "abc"[k % 3]} for k in range(len(labels))])


def made_of(
    lessons: LessonSet, ordering: c.Ordering, select: Sequence[c.Selector], mixture: c.Mixture | None, passes: float,
    seed: int,
) -> c.Plan | None:  # fmt: skip
    """Plan; None where the parts rightly refuse one another."""
    try:
        return c.plan(lessons, SIGNALS, ordering, BY, passes, 0, seed, select, mixture, COUNT if mixture else None)
    except BadInput as error:
        assert any(text in str(error) for text in REFUSALS), error  # noqa: PT017
        return None


def told(update: int, size: int) -> c.Feedback:
    """Return what a student might say after an update, about groups and about half of the lessons."""
    generator = np.random.default_rng([update, size])
    groups = {name: dict(zip("abc", generator.random(3).tolist(), strict=True)) for name in ("loss", "accuracy")}
    places = generator.permutation(size)[: size // 2]
    metrics = {name: float(generator.random()) for name in ("loss", "accuracy")}
    return c.Feedback(update, metrics, groups, places, {"loss": generator.random(len(places))})


Drawn = tuple[list[int], list[float], list[int] | None, int]


def trained(timetable: c.Timetable, start: int, stop: int, world: int, size: int) -> list[Drawn]:
    """Return what all ranks together draw in some updates, hearing the student after every second one."""
    made = []
    for update in range(start, stop):
        shares = [timetable.share(update, rank, world) for rank in range(world)]
        count = sum(len(share.places) for share in shares)
        places, weights, views = np.full(count, -1), np.full(count, np.nan), np.full(count, -1)
        for rank, share in enumerate(shares):
            places[rank::world], weights[rank::world] = share.places, share.weights
            if share.views is not None:
                views[rank::world] = share.views
        shown = None if shares[0].views is None else views.tolist()
        made.append((places.tolist(), weights.tolist(), shown, shares[0].stage))
        if update % 2:
            timetable.hear(told(update + 1, size))
    return made


@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.too_slow])
@given(labels=st.lists(st.integers(0, 9), min_size=3, max_size=24), ordering=st.sampled_from(ORDERINGS),
       select=st.lists(st.sampled_from(SELECTORS), max_size=2), mixture=st.none() | mixtures,
       passes=st.floats(0.3, 3), seed=st.integers(0, 9), world=st.integers(1, 5), share=st.floats(0, 1))  # fmt: skip
def test_any_composition_conserves_repeats_itself_is_shared_out_and_goes_on_from_any_update(
    make_lessons: Callable[..., LessonSet],
    labels: list[int],
    ordering: c.Ordering,
    select: list[c.Selector],
    mixture: c.Mixture | None,
    passes: float,
    seed: int,
    world: int,
    share: float,
) -> None:
    lessons = skilled(make_lessons, labels)
    made = made_of(lessons, ordering, select, mixture, passes, seed)
    if made is None:
        return
    curriculum, signals = made
    kept = set(lessons.ids if signals.left_out is None else lessons.ids[signals.left_out.kept])
    times = Counter(curriculum.lesson_ids)
    assert set(times) <= kept
    assert curriculum.selected == len(kept)
    assert (curriculum.weight >= 0).all()
    if mixture is None:
        assert len(curriculum) == max(1, round(passes * len(kept)))
        assert {times[name] for name in kept} <= {int(passes), int(passes) + 1, round(passes)}
        assert (np.diff(curriculum.stage) >= 0).all()
    else:
        assert len(curriculum) == -(-max(1, round(passes * len(kept))) // COUNT) * COUNT
    again = made_of(lessons, ordering, select, mixture, passes, seed)
    assert again is not None
    assert again.curriculum.fingerprint == curriculum.fingerprint

    def followed() -> c.Timetable:
        usable = np.ones(len(lessons), bool)
        return timetable_of(curriculum, lessons, signals, COUNT, usable, delay=DELAY if mixture else 0)

    one, timetable = trained(followed(), 0, followed().updates, 1, len(lessons)), followed()
    whole = trained(timetable, 0, timetable.updates, world, len(lessons))
    assert whole == one, "the number of ranks changes nothing"
    assert {lessons.ids[place] for places, *_ in whole for place in places} <= kept
    if not timetable.hears:
        assert [lessons.ids[place] for places, *_ in whole for place in places] == curriculum.lesson_ids.tolist()
        assert [weight for _, weights, _, _ in whole for weight in weights] == curriculum.weight.tolist()
    else:  # what training draws before it heeds anything is what was written down as a preview
        first = [lessons.ids[place] for places, *_ in whole[: 2 + DELAY] for place in places]
        assert first == curriculum.lesson_ids[: len(first)].tolist()
    stop = round(share * timetable.updates)
    begun, resumed = followed(), followed()
    before = trained(begun, 0, stop, world, len(lessons))
    resumed.load_state_dict(json.loads(json.dumps(begun.state_dict())))
    assert before + trained(resumed, stop, timetable.updates, world, len(lessons)) == whole


def test_a_composed_plan_comes_back_from_its_files(make_lessons: Callable[..., LessonSet], tmp_path: Path) -> None:
    lessons = skilled(make_lessons, [k % 10 for k in range(30)])
    mixture = c.Dial(c.PrefixPool(c.RootPacing()), c.Glide(), 3)
    made = made_of(lessons, c.EasyFirst(), [c.Band(BY, 0.2)], mixture, 2, 1)
    assert made is not None
    made.curriculum.write(tmp_path)
    c.write_signals(tmp_path / "signals.parquet", made.signals)
    back, signals = c.Curriculum.read(tmp_path), c.read_signals(tmp_path / "signals.parquet")
    assert back.rule == made.curriculum.rule
    assert back.fingerprint == made.curriculum.fingerprint
    np.testing.assert_array_equal(back.view, made.curriculum.view)
    np.testing.assert_array_equal(signals.rank, made.signals.rank)
    assert signals.columns["skill"].labels == ("a", "b", "c")
    assert signals.columns["skill"].values.tolist() == made.signals.columns["skill"].values.tolist()


@pytest.mark.parametrize("ordering", ORDERINGS, ids=lambda part: "-".join(names_in(part)))
def test_missing_scores_are_never_silently_sorted(make_lessons: Callable[..., LessonSet], ordering: c.Ordering) -> None:
    """What sorts by scores refuses a missing one by name; what orders groups by their mean takes those there are."""
    lessons = make_lessons([0.1, None, 0.9, 0.4, 0.5, 0.2], [{"skill": "abc"[k % 3]} for k in range(6)])
    measured = [*SIGNALS[:4], c.Calibrated(c.Length(), c.EqualTiers(2), VIEW)]
    if not {"EasyFirst", "HardFirst", "Tiers", "SortedBy"} & set(names_in(ordering)):
        assert len(c.plan(lessons, measured, ordering, BY).curriculum) == 6
        return
    with pytest.raises(DataError, match=r"Cannot (order|sort) by 'hardness': .*1 of \d scores are missing.*row \d"):
        c.plan(lessons, measured, ordering, BY)


INNER = c.PrefixPool(c.Steady())
READERS: list[Callable[[str], Any]] = [
    c.Band, lambda by: c.Best(by, 0.5), lambda by: c.Quota(by, 0.5), c.Thinned, lambda by: c.OnePer([by]),
    lambda by: c.Amounts(by, {}, 0.5), lambda by: c.SortedBy([by]), lambda by: c.Blocked(by, c.Shuffled()),
    lambda by: c.Interleaved(by, c.Shuffled()), lambda by: c.Topological(by, {}, c.Shuffled()),
    lambda by: c.CentroidPath(by, ByPlace(), c.Shuffled()), c.CyclicPasses, c.WeightedDraw,
    lambda by: c.WeightedLoss(INNER, by), c.GroupMixture, c.GroupStages, lambda by: c.SkillIt(by, {}),
    c.UpperConfidence, c.Thompson, c.LearningProgress, lambda by: c.LearningProgress(GROUP, interest=by), c.GroupGap,
    lambda by: c.Linked(INNER, by), lambda by: c.Replay(INNER, by, ["a"], c.Steady()), lambda by: c.ViewBy(INNER, by),
    lambda by: c.SelfPaced(c.Steady(), balance=by),
]  # fmt: skip


def planned_with(lessons: LessonSet, part: Any) -> c.Plan:
    """Plan with a selector, an ordering or a mixture."""
    signals = [*SIGNALS, c.TeacherLabel("quality")]
    ordering = part if isinstance(part, c.Ordering) else c.Shuffled()
    select = [part] if isinstance(part, c.Selector) else []
    mixture = part if isinstance(part, c.Mixture) else None
    return c.plan(lessons, signals, ordering, select=select, mixture=mixture, lessons_per_update=COUNT)


@pytest.mark.parametrize("reader", READERS, ids=lambda reader: type(reader("x")).__name__)
def test_a_signal_that_is_not_there_or_has_no_values_is_refused_by_every_part_that_reads_one(
    make_lessons: Callable[..., LessonSet], reader: Callable[[str], Any]
) -> None:
    lessons = skilled(make_lessons, [1, 5, 2, 8, 4, 9])
    with pytest.raises(DataError, match=r"There is no signal 'x'; there are: teacher_difficulty, .*Choose one"):
        planned_with(lessons, reader("x"))
    with pytest.raises(BadInput, match=r"'teacher_quality'.*(no value|none of|missing|names no view)|None of the 6"):
        planned_with(lessons, reader("teacher_quality"))
