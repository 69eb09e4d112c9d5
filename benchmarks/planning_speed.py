"""Time and memory of plans from ten thousand to ten million lessons, and what one drawn lesson costs.

    python benchmarks/planning_speed.py --sizes 10000 100000 1000000 10000000

Prints one table of whole plans (signals, selection, order, entries; without reading and fingerprinting the lessons,
which are given once a size), the growth of each with the number of lessons, and two tables of what is not a plan:
drawing during training, and facility location.
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
from machine import describe_machine

import curricula as c
from curricula.selection.facility_location import lazy_greedy
from curricula.selection.relation import Links, nearest
from lessons.lesson_set import LessonSet
from lessons.tables import ANNOTATION_SCHEMA, PROMPT_SCHEMA

TOPICS = 20
SIGNALS = [c.Given(), c.Category(), c.Length()]
BY = "given_difficulty"
GROUP_LOSSES = {f"topic{k:02d}": 0.1 * k for k in range(TOPICS)}


def made_lessons(size: int) -> LessonSet:
    generator = np.random.default_rng(0)
    numbers = pa.array(np.arange(size)).cast(pa.string())
    contents = pa.compute.binary_join_element_wise("What is ", numbers, " plus two?", "")
    turns = pa.StructArray.from_arrays([pa.repeat("user", size), contents], ["role", "content"])
    columns = {
        "id": numbers,
        "messages": pa.ListArray.from_arrays(pa.array(np.arange(size + 1), pa.int32()), turns),
        "topic": pa.array([f"topic{k:02d}" for k in range(TOPICS)]).take(pa.array(generator.integers(0, TOPICS, size))),
        "difficulty": pa.array(np.round(generator.random(size), 4)),
    }
    arrays = [columns.get(field.name, pa.nulls(size, field.type)) for field in PROMPT_SCHEMA]
    return LessonSet.join(pa.table(arrays, schema=PROMPT_SCHEMA), ANNOTATION_SCHEMA.empty_table())


def plans() -> dict[str, dict[str, object]]:
    easy = c.EasyFirst()
    graded = {"order_by": BY}
    return {
        "shuffled, 3 passes": {"ordering": c.Shuffled(), "passes": 3},
        "easy first": {"ordering": easy, **graded},
        "tiers": {"ordering": c.Tiers(5), **graded},
        "blurred": {"ordering": c.Blurred(easy), **graded},
        "blocked": {"ordering": c.Blocked("topic", easy), **graded},
        "interleaved": {"ordering": c.Interleaved("topic", easy, 3), **graded},
        "two keys": {"ordering": c.SortedBy(["topic", f"-{BY}"])},
        "topological": {"ordering": c.Topological("topic", {"topic00": ["topic09"]}, easy), **graded},
        "best tenth": {"ordering": easy, **graded, "select": [c.Best(BY, 0.1)]},
        "band, quota": {"ordering": easy, **graded, "select": [c.Band(BY, 0.2, 0.8), c.Quota("topic", 0.3)]},
        "thinned, by lot": {"ordering": easy, **graded, "select": [c.Thinned(BY, high=0.5), c.ByLot(0.5)]},
        "distinct": {"ordering": easy, **graded, "select": [c.Distinct()]},
        "rank share, tiers": {
            "ordering": easy,
            "order_by": "level",
            "signals": [c.Calibrated(c.Calibrated(c.Given(), c.RankShare(), "rank"), c.EqualTiers(4), "level")],
        },
        "competence": {"ordering": easy, **graded, **drawn(pool())},
        "cyclic": {"ordering": easy, **graded, **drawn(c.CyclicPasses("question_characters"))},
        "random subsets": {"ordering": easy, **graded, **drawn(c.RandomSubsets(0.1))},
        "one per group": {"ordering": easy, **graded, "select": [c.OnePer(["topic", BY], "question_characters")]},
        "weighted draw": {"ordering": easy, **graded, **drawn(c.WeightedDraw("question_characters"))},
        "group mixture": {"ordering": c.Shuffled(), **drawn(c.GroupMixture("topic", temperature=2))},
        "stages of groups": {"ordering": c.Shuffled(), **drawn(c.GroupStages("topic", cumulative=True))},
        "replay": {"ordering": easy, **graded, **drawn(replay())},
        "views and weights": {"ordering": easy, **graded, **drawn(c.Dial(c.WeightedLoss(pool(), BY), c.Glide(), 3))},
    }


def pool() -> c.Mixture:
    return c.PrefixPool(c.RootPacing())


def replay() -> c.Mixture:
    return c.Replay(pool(), "topic", ["topic00", "topic01"], c.Steady(0.2))


def drawn(mixture: c.Mixture) -> dict[str, object]:
    return {"mixture": mixture, "lessons_per_update": 64}


def mixtures() -> dict[str, c.Mixture]:
    return {
        "PrefixPool": c.PrefixPool(c.RootPacing()),
        "RandomSubsets": c.RandomSubsets(0.1),
        "CyclicPasses": c.CyclicPasses(BY),
        "SpacedRepeats": c.SpacedRepeats(1000),
        "WeightedDraw": c.WeightedDraw(BY),
        "WeightedLoss": c.WeightedLoss(c.PrefixPool(c.Steady()), BY, c.Glide()),
        "GroupMixture": c.GroupMixture("topic", temperature=2),
        "GroupStages": c.GroupStages("topic", cumulative=True),
        "Replay": c.Replay(c.PrefixPool(c.Steady()), "topic", ["topic00", "topic01"], c.Steady(0.2)),
        "Linked": c.Linked(c.PrefixPool(c.Steady()), BY),
        "SlidingBell": c.SlidingBell(c.Glide()),
        "GaussianRank (hears)": c.GaussianRank(1000, 500),
        "SkillIt (hears)": c.SkillIt("topic", {"topic00": {"topic01": 0.5}}),
        "UpperConfidence (hears)": c.UpperConfidence("topic", "loss", choices=4),
        "Thompson (hears)": c.Thompson("topic", "loss"),
        "LearningProgress (hears)": c.LearningProgress("topic", "loss"),
        "GroupGap (hears)": c.GroupGap("topic", "loss"),
        "BestHeard (hears)": c.BestHeard("loss"),
        "SelfPaced (hears)": c.SelfPaced(c.RootPacing()),
        "LossByLoss (hears)": c.LossByLoss(c.PrefixPool(c.Steady()), "loss", 0.5),
        "SkipEasy (hears)": c.SkipEasy("loss"),
        "Dial": c.Dial(c.PrefixPool(c.Steady()), c.Glide(), 3, "between"),
        "ViewBy": c.ViewBy(c.PrefixPool(c.Steady()), "topic"),
    }


def heard(update: int, size: int, measured: int) -> c.Feedback:
    """Return what is heard after an update: of the student, of every group, and of the lessons just trained."""
    generator = np.random.default_rng(update)
    places = np.unique(generator.integers(0, size, measured))
    losses = {"loss": generator.random(len(places))}
    return c.Feedback(update, {"accuracy": 0.6}, {"loss": GROUP_LOSSES}, places, losses)


def megabytes(field: str) -> float:
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(field))
    return int(line.split()[1]) / 1024


def measured(action: Callable[[], object]) -> tuple[float, float, float]:
    """Return seconds, processor seconds, and the peak of the whole process meanwhile in megabytes."""
    Path("/proc/self/clear_refs").write_text("5")  # forget the peak so far
    start, worked = time.perf_counter(), time.process_time()
    action()
    return time.perf_counter() - start, time.process_time() - worked, megabytes("VmHWM")


def time_plans(sizes: list[int], names: list[str]) -> None:
    seconds: dict[str, list[float]] = {}
    for size in sizes:
        start = time.perf_counter()
        lessons = made_lessons(size)
        made, (read, _, _) = time.perf_counter() - start, measured(lambda lessons=lessons: lessons.fingerprint)
        print(f"\n{size:,} lessons: made in {made:.1f} s, fingerprint {read:.2f} s, {megabytes('VmRSS'):,.0f} MB held")
        for name in names:
            call = {"signals": SIGNALS, **plans()[name]}
            took, worked, peak = measured(lambda lessons=lessons, call=call: c.plan(lessons, **call))
            seconds.setdefault(name, []).append(worked)
            print(f"  {name:24} {took:8.2f} s {worked:8.2f} s of processor {peak:8,.0f} MB at most", flush=True)
    if len(sizes) > 1:
        print(f"\nGrowth: processor time as lessons to the power of ..., fitted over {sizes[0]:,} to {sizes[-1]:,}")
        for name, took in seconds.items():
            slope = np.polyfit(np.log(sizes), np.log(took), 1)[0]
            last = math.log(took[-1] / took[-2]) / math.log(sizes[-1] / sizes[-2])
            print(f"  {name:24} {slope:5.2f}   (last step {last:.2f})")


def time_drawing(size: int, every: int, updates: int = 300) -> None:
    lessons = made_lessons(size)
    table = c.measure(lessons, [*SIGNALS, c.Calibrated(c.Given(), c.RankShare(), "share")])
    pool = c.Pool.whole(lessons, table)
    table.columns[BY].values[:] += 0.01  # chances must be above 0
    pool = pool.ordered(np.argsort(table.scores(BY), kind="stable"))
    print(f"\nDrawing at {size:,} lessons, feedback every {every} updates; processor microseconds a lesson")
    print(f"  {'':26}{'first':>10}{'16 an update':>14}{'256 an update':>14}")
    for name, mixture in mixtures().items():
        figures = []
        for count in (16, 256):
            timetable = c.Procedural(pool, mixture, 10_000, count, 0)
            start = time.process_time()
            timetable.draw(0)
            timetable.hear(heard(0, size, count))  # what is done once: groups, words, the order by a figure
            timetable.draw(1)
            first = time.process_time() - start
            start = time.process_time()
            for update in range(1, updates):
                timetable.draw(update)
                if update % every == 0:
                    timetable.hear(heard(update, size, count * every))
            figures += [first, (time.process_time() - start) / ((updates - 1) * count)]
        print(f"  {name:26}{figures[0] * 1e3:7.1f} ms{figures[1] * 1e6:14.2f}{figures[3] * 1e6:14.2f}", flush=True)


def time_facility(size: int, count: int, neighbours: int = 32) -> None:
    generator = np.random.default_rng(0)
    centres = generator.normal(size=(200, 64))
    vectors = (centres[generator.integers(0, 200, size)] + generator.normal(size=(size, 64))).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    found: list[np.ndarray] = []
    _, searched, _ = measured(lambda: found.extend(nearest(vectors, neighbours + 1)))
    covered, by, worth = np.repeat(np.arange(size), neighbours + 1), found[0].ravel(), found[1].ravel()
    good = (by >= 0) & (worth > 0)
    links = Links(covered[good], by[good], worth[good].astype(np.float64))
    took, worked, peak = measured(lambda: lazy_greedy(links, size, count))
    print(f"\nFacility location, {count:,} of {size:,} on {neighbours} neighbours: graph {searched:.1f} s, choice "
          f"{worked:.1f} s of processor ({took:.1f} s), {peak:,.0f} MB at most")  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="*", default=[10_000, 100_000, 1_000_000, 10_000_000])
    parser.add_argument("--plans", nargs="*", default=list(plans()), help="which of the plans; all by default")
    parser.add_argument("--draw_from", type=int, default=1_000_000)
    parser.add_argument("--feedback_every", type=int, default=50, help="updates; training's own default")
    parser.add_argument("--facility", type=int, default=100_000)
    chosen = parser.parse_args()
    print(describe_machine())
    if chosen.sizes:
        time_plans(sorted(chosen.sizes), chosen.plans)
    if chosen.draw_from:
        time_drawing(chosen.draw_from, chosen.feedback_every)
    if chosen.facility:
        time_facility(chosen.facility, chosen.facility // 10)


if __name__ == "__main__":
    main()
