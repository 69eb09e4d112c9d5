from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lessons.errors import DataError
from lessons.lesson_set import LessonSet
from lessons.records import Annotation, Lesson, Message, Prompt, Provenance
from lessons.rows import ANNOTATION_SCHEMA, PROMPT_SCHEMA, annotation_to_row, prompt_to_row
from lessons.tables import write_annotations, write_prompts

SOURCE = Provenance("t", "m", "x/1", "k")
KINDS = st.sampled_from(["rationale", "difficulty", "critique"])
PICKS = st.lists(
    st.tuples(st.integers(0, 4), KINDS, st.integers(0, 3), st.booleans()), max_size=25, unique_by=lambda t: t[:3]
)


def prompt(k: int) -> Prompt:
    return Prompt(f"p{k}", (Message("user", f"q{k}"),), reference=str(k), difficulty=float(k) if k else None)


def annotation(k: int, kind: str = "rationale", sample: int = 0, trusted: bool = True) -> Annotation:
    problem = None if trusted else "unreadable"
    return Annotation(
        f"p{k}", kind, sample, f"{kind} {k}.{sample}", SOURCE, answer=str(k), value=k / 10, problem=problem
    )


def tables(prompts: list[Prompt], annotations: list[Annotation]) -> tuple[pa.Table, pa.Table]:
    return (
        pa.Table.from_pylist([prompt_to_row(p) for p in prompts], PROMPT_SCHEMA),
        pa.Table.from_pylist([annotation_to_row(a) for a in annotations], ANNOTATION_SCHEMA),
    )


def plain_join(
    prompts: list[Prompt], annotations: list[Annotation], target: str | None, limit: int, trusted_only: bool
) -> list[Lesson]:
    """Join the slow and obvious way."""
    lessons = []
    usable = [a for a in annotations if a.trusted or not trusted_only]
    for p in prompts:
        of_kind: dict[str, list[Annotation]] = {}
        for a in sorted((a for a in usable if a.prompt_id == p.id), key=lambda a: a.sample):
            of_kind.setdefault(a.kind, []).append(a)
        companions = [found[0] for kind, found in sorted(of_kind.items()) if kind != target]
        targets = [None] if target is None else of_kind.get(target, [])[:limit]
        for k, chosen in enumerate(targets):
            parts = companions if chosen is None else [*companions, chosen]
            lessons.append(Lesson(f"{p.id}#{k}" if k else p.id, p, tuple(parts)))
    return lessons


@given(PICKS, st.none() | KINDS, st.integers(1, 3), st.booleans())
def test_the_join_equals_a_plain_one(
    picks: list[tuple[int, str, int, bool]], target: str | None, limit: int, trusted_only: bool
) -> None:
    prompts = [prompt(k) for k in (3, 0, 4, 1, 2)]
    annotations = [annotation(*pick) for pick in picks]
    joined = LessonSet.join(*tables(prompts, annotations), target, limit, trusted_only)
    assert list(joined) == plain_join(prompts, annotations, target, limit, trusted_only)
    assert [joined[k] for k in range(len(joined))] == list(joined)
    assert len(set(joined.ids)) == len(joined)
    assert [joined.position_of[name] for name in joined.ids] == list(range(len(joined)))
    for lesson in joined:
        mine = [a for a in annotations if a.prompt_id == lesson.prompt.id]
        assert list(lesson.written) == sorted(mine, key=lambda a: (a.kind, a.sample))
    for kind in ("rationale", "difficulty"):
        texts = [found.text if (found := lesson.annotation(kind)) else None for lesson in joined]
        assert joined.annotation_column(kind, "text").tolist() == texts


def test_what_was_written_is_read_once_a_block_and_only_when_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    joined = LessonSet.join(*tables([prompt(0), prompt(1)], [annotation(1), annotation(1, sample=1, trusted=False)]))
    read: list[int] = []
    plainly = LessonSet.written
    monkeypatch.setattr(LessonSet, "written", lambda self, at: (read.append(len(at)), plainly(self, at))[1])
    first, second = joined
    assert read == []
    assert (len(first.written), [a.sample for a in second.written]) == (0, [0, 1])
    assert second.written[1].trusted is False
    assert [a.sample for a in second.written[1:]] == [1]
    assert read == [2]
    assert second == replace(second, written=())


def test_columns_mark_what_is_missing() -> None:
    joined = LessonSet.join(*tables([prompt(0), prompt(1)], [annotation(1, "difficulty")]))
    assert np.isnan(joined.prompt_column("difficulty")[0])
    assert joined.prompt_column("reference").tolist() == ["0", "1"]
    assert np.array_equal(joined.annotation_column("difficulty", "value"), [np.nan, 0.1], equal_nan=True)
    assert joined.annotation_column("difficulty", "trusted").tolist() == [None, True]
    assert joined.annotation_column("nothing", "text").tolist() == [None, None]
    with pytest.raises(DataError, match="No column 'colour'; there are id, messages"):
        joined.prompt_column("colour")


def test_the_fingerprint_sees_content_and_order() -> None:
    def made(order: list[int], annotations: list[Annotation]) -> str:
        return LessonSet.join(*tables([prompt(k) for k in order], annotations), "rationale").fingerprint

    both = [annotation(0), annotation(1)]
    prints = [
        made([0, 1], both),
        made([1, 0], both),
        made([0, 1], both[:1]),
        made([0, 1], [annotation(0, sample=1), both[1]]),
    ]
    assert len(set(prints)) == len(prints)
    assert made([0, 1], both) == made([0, 1], [*both[::-1], annotation(1, sample=3)])


def test_reading_a_round(tmp_path: Path) -> None:
    write_prompts(tmp_path / "prompts.parquet", map(prompt, range(3)))
    write_annotations(tmp_path / "lessons.parquet", [annotation(2), annotation(0), annotation(1, trusted=False)])
    both = tmp_path / "prompts.parquet", tmp_path / "lessons.parquet"
    assert LessonSet.read(*both, target="rationale").ids.tolist() == ["p0", "p2"]
    assert LessonSet.read(*both, target="rationale", trusted_only=False).ids.tolist() == ["p0", "p1", "p2"]
    assert len(LessonSet.read(both[0])) == 3
    with pytest.raises(
        DataError, match=r"No lesson with a trusted critique in .*: 3 prompts, 3 annotations, 2 of them trusted"
    ):
        LessonSet.read(*both, target="critique")


def test_no_prompts_at_all(tmp_path: Path) -> None:
    write_prompts(tmp_path / "prompts.parquet", [])
    with pytest.raises(DataError, match=r"No lesson at all in .*prompts.parquet: 0 prompts, 0 annotations"):
        LessonSet.read(tmp_path / "prompts.parquet")


def test_an_annotation_of_an_unknown_prompt() -> None:
    with pytest.raises(
        DataError, match=r"names the prompt 'p7', which is not among the 1 prompts. Use the prompts.parquet"
    ):
        LessonSet.join(*tables([prompt(0)], [annotation(7)]))


def test_an_id_that_comes_twice() -> None:
    with pytest.raises(
        DataError, match=r"1 of the 3 prompts have an id that an earlier one has, for example 'p1'; .*unique"
    ):
        LessonSet.join(*tables([prompt(0), prompt(1), prompt(1)], []))


def test_a_part_of_the_lessons_is_a_set_of_its_own() -> None:
    whole = LessonSet.join(*tables([prompt(k) for k in range(4)], [annotation(1), annotation(3)]))
    part = whole.subset(np.array([3, 0]))
    assert list(part) == [whole[3], whole[0]]
    assert part.prompt_column("difficulty")[0] == 3
    assert part.fingerprint != whole.fingerprint
