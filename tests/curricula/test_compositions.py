"""What holds for a plan made of any parts: it conserves, repeats itself, and its ranks share it out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from curricula import (
    Band,
    Best,
    Blocked,
    Blurred,
    ByLot,
    Calibrated,
    Category,
    Curriculum,
    CyclicPasses,
    EasyFirst,
    GroupStages,
    HardFirst,
    Interleaved,
    Length,
    Mixture,
    Ordering,
    Plan,
    Planned,
    PrefixPool,
    Quota,
    RandomSubsets,
    RankShare,
    RootPacing,
    Selector,
    Shuffled,
    SortedBy,
    SpacedRepeats,
    TeacherLabel,
    Tiers,
    plan,
    read_signals,
    write_signals,
)
from lessons.lesson_set import LessonSet

BY = "hardness"
SIGNALS = [
    TeacherLabel(),
    Length(),
    Category("metadata.skill"),
    Calibrated(TeacherLabel(), RankShare(), BY),
]
orderings = st.sampled_from(
    [
        Shuffled(),
        EasyFirst(),
        Blurred(HardFirst()),
        Tiers(3),
        Blocked("skill", Tiers(2)),
        Interleaved("skill", EasyFirst(), 2),
        Blurred(Blocked("skill", EasyFirst(), "shuffled"), 0.2),
        SortedBy(["skill", f"-{BY}"]),
    ]
)
selectors = [Band(BY, 0.2), Best(BY, 0.7), ByLot(0.8), Quota("skill", 0.9, prefer=BY), Best(BY, 0.9, which="lowest")]
selections = st.lists(st.sampled_from(selectors), max_size=3)
mixtures = st.sampled_from(
    [None, PrefixPool(RootPacing(0.2)), CyclicPasses(BY), RandomSubsets(0.5), SpacedRepeats(3), GroupStages("skill")]
)


def made_of(
    lessons: LessonSet,
    ordering: Ordering,
    select: Sequence[Selector],
    mixture: Mixture | None,
    passes: float,
    seed: int,
) -> Plan | None:
    """Plan; None where the parts rightly refuse one another: nothing left, or a skill without lessons."""
    try:
        return plan(lessons, SIGNALS, ordering, BY, passes, 0, seed, select, mixture, 4 if mixture else None)
    except ValueError as error:
        assert any(text in str(error) for text in ("leaves none of the", "has no lessons"))  # noqa: PT017
        return None


@settings(deadline=None, max_examples=120)
@given(labels=st.lists(st.integers(0, 9), min_size=2, max_size=24), ordering=orderings, select=selections,
       mixture=mixtures, passes=st.floats(0.3, 3), seed=st.integers(0, 9), world=st.integers(1, 4))  # fmt: skip
def test_any_composition_conserves_repeats_itself_and_is_shared_out(
    make_lessons: Callable[..., LessonSet],
    labels: list[int],
    ordering: Ordering,
    select: list[Selector],
    mixture: Mixture | None,
    passes: float,
    seed: int,
    world: int,
) -> None:
    lessons = make_lessons([label / 9 for label in labels], [{"skill": "abc"[k % 3]} for k in range(len(labels))])
    made = made_of(lessons, ordering, select, mixture, passes, seed)
    if made is None:
        return
    curriculum, signals = made
    kept = set(lessons.ids if signals.left_out is None else lessons.ids[signals.left_out.kept])
    times = Counter(curriculum.lesson_ids)
    assert set(times) <= kept
    assert curriculum.selected == len(kept)
    assert (np.diff(curriculum.stage) >= 0).all()
    if mixture is None:
        assert len(curriculum) == max(1, round(passes * len(kept)))
        assert {times[name] for name in kept} <= {int(passes), int(passes) + 1, round(passes)}
    again = made_of(lessons, ordering, select, mixture, passes, seed)
    assert again is not None
    assert again.curriculum.fingerprint == curriculum.fingerprint
    timetable = Planned(curriculum.positions_in(lessons), curriculum.weight, curriculum.stage, 4)
    entries: list[str] = []
    for update in range(timetable.updates):
        whole = np.full(len(timetable.draw(update).places), -1)
        for rank in range(world):
            whole[rank::world] = timetable.share(update, rank, world).places
        entries += lessons.ids[whole].tolist()
    assert entries == curriculum.lesson_ids.tolist()


def test_a_composed_plan_comes_back_from_its_files(make_lessons: Callable[..., LessonSet], tmp_path: Path) -> None:
    lessons = make_lessons([k / 30 for k in range(30)], [{"skill": "abc"[k % 3]} for k in range(30)])
    made = made_of(lessons, EasyFirst(), [Band(BY, 0.2)], PrefixPool(RootPacing()), 2, 1)
    assert made is not None
    made.curriculum.write(tmp_path)
    write_signals(tmp_path / "signals.parquet", made.signals)
    back, signals = Curriculum.read(tmp_path), read_signals(tmp_path / "signals.parquet")
    assert back.rule == made.curriculum.rule
    assert back.fingerprint == made.curriculum.fingerprint
    assert back.selected == 25
    np.testing.assert_array_equal(signals.rank, made.signals.rank)
    assert signals.columns["skill"].labels == ("a", "b", "c")
    assert signals.columns["skill"].values.tolist() == made.signals.columns["skill"].values.tolist()
