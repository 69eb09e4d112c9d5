"""The plan itself, as data: which lesson comes when, in what stage, with what weight; and the rule that made it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from curricula.arrays import Positions, Scores
from lessons.errors import CheckpointMismatch, DataError
from lessons.files import staged, write_text
from lessons.fingerprints import update_texts
from lessons.lesson_set import LessonSet
from lessons.tables import read_table

__all__ = ["CURRICULUM_SCHEMA", "Curriculum"]

FORMAT = 1
ENTRIES, RULE = "curriculum.parquet", "curriculum.json"
CURRICULUM_SCHEMA = pa.schema(
    [
        pa.field("position", pa.int64(), nullable=False),
        pa.field("lesson_id", pa.string(), nullable=False),
        pa.field("stage", pa.int32(), nullable=False),
        pa.field("weight", pa.float64(), nullable=False),
        ("score", pa.float64()),
    ]
)
VIEW = pa.field("view", pa.int32(), nullable=False)


@dataclass(frozen=True, eq=False)
class Curriculum:
    """An order of lessons over all passes, with the rule that made it. Compare two by their `fingerprint`."""

    lesson_ids: npt.NDArray[np.object_]
    """The id of the lesson at each position, repeats over passes included, [entries]."""
    stage: npt.NDArray[np.int32]
    """pass * tiers_per_pass + tier, both 0-based, int32 [entries]: never falls, so stages follow one another."""
    weight: Scores
    """Factor of each entry's loss, float64 [entries]."""
    score: Scores
    """The score each entry was ordered by, float64 [entries]; NaN where it has none."""
    rule: dict[str, Any]
    """How the plan was made, in JSON values: ordering, order_by, needs_scores (whether the ordering used order_by),
    passes, minimum_length, tiers_per_pass, signals, select, mixture, lessons_per_update, round (of the course, from 0),
    follows_order (whether the entries come in the ordering's order, or a mixture draws along it), and hears (whether
    training computes the entries anew from the student's feedback)."""
    seed: int
    """The seed of all its randomness."""
    lessons_fingerprint: str
    """`LessonSet.fingerprint` of the lessons it was made for."""
    counts: dict[str, int]
    """lessons, selected (those not left out), entries, stages, and the fewest and most times that one selected lesson
    comes (least_repeats, most_repeats)."""
    view: npt.NDArray[np.int32] | None = None
    """In which of the rendering's views each entry is shown, from 0, int32 [entries]; None where nothing chooses."""

    def __len__(self) -> int:
        return len(self.lesson_ids)

    @property
    def tiers_per_pass(self) -> int:
        """How many stages one pass has."""
        return int(self.rule["tiers_per_pass"])

    @property
    def selected(self) -> int:
        """How many lessons the plan chose from; plans written before lessons could be left out hold them all."""
        return self.counts.get("selected", self.counts["lessons"])

    @property
    def ordered_by(self) -> str | None:
        """The signal that decides the order of the entries, or the order that they are drawn along; None where none."""
        used = self.rule["needs_scores"] and self.rule.get("follows_order", True)
        return str(self.rule["order_by"]) if used else None

    @property
    def pass_number(self) -> npt.NDArray[np.int32]:
        """The 0-based pass of each entry, int32 [entries]."""
        return self.stage // np.int32(self.tiers_per_pass)

    @property
    def tier(self) -> npt.NDArray[np.int32]:
        """The 0-based tier of each entry inside its pass, int32 [entries]."""
        return self.stage % np.int32(self.tiers_per_pass)

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 over ids, stages, weights and views in order; tells a trainer whether it resumes the same plan."""
        digest = hashlib.sha256()
        update_texts(digest, self.lesson_ids)
        digest.update(self.stage.astype("<i4").tobytes())
        digest.update(self.weight.astype("<f8").tobytes())
        if self.view is not None:
            digest.update(self.view.astype("<i4").tobytes())
        return digest.hexdigest()

    def check(self, lessons: LessonSet) -> None:
        """Make sure that these are the lessons the plan was made for.

        Raises:
            CheckpointMismatch: They are not.
        """
        if lessons.fingerprint == self.lessons_fingerprint:
            return
        raise CheckpointMismatch(
            f"This curriculum was made for other lessons: it carries their fingerprint {self.lessons_fingerprint} "
            f"({self.counts['lessons']} lessons), and these have {lessons.fingerprint} ({len(lessons)} lessons). Only "
            "the very same lessons are allowed, joined with the same target, targets_per_prompt and trusted_only. "
            "Give the prompts.parquet and lessons.parquet it was planned from, or plan again."
        )

    def positions_in(self, lessons: LessonSet) -> Positions:
        """Return each entry's position in `lessons`, int64 [entries], after `check`."""
        self.check(lessons)
        found = pc.index_in(pa.array(self.lesson_ids, pa.string()), pa.array(lessons.ids, pa.string()))
        return np.asarray(found.to_numpy(zero_copy_only=False), np.int64)

    def write(self, folder: str | Path) -> None:
        """Write curriculum.parquet and then curriculum.json, each whole or not at all."""
        table = pa.table(
            {
                "position": np.arange(len(self)),
                "lesson_id": pa.array(self.lesson_ids, pa.string()),
                "stage": self.stage,
                "weight": self.weight,
                "score": pa.array(self.score, from_pandas=True),  # NaN becomes null
            },
            schema=CURRICULUM_SCHEMA,
        )
        if self.view is not None:
            table = table.append_column(VIEW, pa.array(self.view))
        with staged(Path(folder) / ENTRIES) as partial:
            pq.write_table(table, partial)
        facts = {
            "format": FORMAT,
            "rule": self.rule,
            "seed": self.seed,
            "counts": self.counts,
            "has_views": self.view is not None,
            "lessons_fingerprint": self.lessons_fingerprint,
            "fingerprint": self.fingerprint,
        }
        write_text(Path(folder) / RULE, json.dumps(facts, indent=2, ensure_ascii=False, allow_nan=False) + "\n")

    @classmethod
    def read(cls, folder: str | Path) -> Curriculum:
        """Read a curriculum back.

        Raises:
            DataError: A file is missing or unreadable, or the two files do not belong together.
        """
        facts = read_facts(Path(folder) / RULE)
        has_views = facts.get("has_views", False)  # older plans do not say
        schema = CURRICULUM_SCHEMA.append(VIEW) if has_views else CURRICULUM_SCHEMA
        table = read_table(Path(folder) / ENTRIES, schema)
        curriculum = cls(
            lesson_ids=distinct_texts(table["lesson_id"]),
            stage=table["stage"].to_numpy(),
            weight=table["weight"].to_numpy(),
            score=table["score"].to_numpy(),
            rule=facts["rule"],
            seed=facts["seed"],
            lessons_fingerprint=facts["lessons_fingerprint"],
            counts=facts["counts"],
            view=table["view"].to_numpy() if has_views else None,
        )
        if curriculum.fingerprint != facts["fingerprint"]:
            raise DataError(
                f"{ENTRIES} and {RULE} in {folder} do not belong together: the entries have the fingerprint "
                f"{curriculum.fingerprint}, the rule names {facts['fingerprint']}. One was changed, or a step was "
                "stopped between the two. Plan again."
            )
        return curriculum


def read_facts(path: Path) -> dict[str, Any]:
    """Read curriculum.json and check that it holds what a curriculum needs."""
    try:
        facts: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        absent = {"rule", "seed", "counts", "lessons_fingerprint", "fingerprint"} - facts.keys()
    except FileNotFoundError as error:
        raise DataError(f"No file {path}. Plan first (`tutelage plan`), or correct the path.") from error
    except (ValueError, AttributeError) as error:
        raise DataError(f"{path} is not a curriculum's JSON object ({error}). Plan again.") from error
    if absent or facts.get("format") != FORMAT:
        raise DataError(
            f"{path} has format {facts.get('format')!r} and lacks {', '.join(sorted(absent)) or 'nothing'}; "
            f"this version reads format {FORMAT}. Plan again."
        )
    return facts


def distinct_texts(column: pa.ChunkedArray) -> npt.NDArray[np.object_]:
    """Return a text column as objects, with one object for each distinct text: repeats over passes cost 8 bytes."""
    encoded = column.combine_chunks().dictionary_encode()
    texts = encoded.dictionary.to_numpy(zero_copy_only=False).astype(object)
    repeated: npt.NDArray[np.object_] = texts[encoded.indices.to_numpy()]
    return repeated
