from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from lessons.errors import ConfigError, PartialResult
from lessons.tables import read_annotations
from teachers import CritiqueAnnotator, DifficultyAnnotator, RationaleAnnotator, ReplayBackend, ScriptedBackend, distill

ADDITION = "teachers.programs.addition:answer"
ANNOTATORS = [RationaleAnnotator(), CritiqueAnnotator(), DifficultyAnnotator()]


@pytest.fixture
def recorded(tmp_path: Path, sums: Any, grader: Any) -> Path:
    distill(sums(60), ScriptedBackend(ADDITION), ANNOTATORS, grader, tmp_path / "l.sqlite", tmp_path / "o.parquet")
    return tmp_path


def contents(path: Path) -> list[tuple[object, ...]]:
    return [
        (a.prompt_id, a.kind, a.sample, a.text, a.answer, a.value, a.subject, a.problem) for a in read_annotations(path)
    ]


@pytest.mark.parametrize("recording", ["l.sqlite", "o.parquet"])
def test_a_recording_gives_the_same_annotations_again(recorded: Path, sums: Any, grader: Any, recording: str) -> None:
    teacher = ReplayBackend(str(recorded / recording))
    distill(sums(60), teacher, ANNOTATORS, grader, recorded / "new.sqlite", recorded / "again.parquet")
    assert contents(recorded / "again.parquet") == contents(recorded / "o.parquet")


@pytest.mark.parametrize("kind", ["openai_url", "anthropic_url"])
def test_both_wire_formats_are_replayed(
    tmp_path: Path, loopback: Any, hosted: Any, sums: Any, grader: Any, kind: str
) -> None:
    arguments = ([RationaleAnnotator()], grader)
    with loopback() as provider:
        distill(sums(3), hosted(provider), *arguments, tmp_path / "l.sqlite", tmp_path / "o.parquet")
    teacher = ReplayBackend(str(tmp_path / "l.sqlite"))
    distill(sums(3), teacher, *arguments, tmp_path / "new.sqlite", tmp_path / "again.parquet")
    assert contents(tmp_path / "again.parquet") == contents(tmp_path / "o.parquet")


@pytest.mark.parametrize("recording", ["l.sqlite", "o.parquet"])
def test_provenance_shows_the_recorded_model(recorded: Path, sums: Any, grader: Any, recording: str) -> None:
    distill(
        sums(5), ReplayBackend(str(recorded / recording)), ANNOTATORS, grader, recorded / "n.sqlite", recorded / "again"
    )
    assert {a.provenance.model for a in read_annotations(recorded / "again")} == {ADDITION}


def test_only_what_one_model_wrote_is_replayed(recorded: Path) -> None:
    ReplayBackend(str(recorded / "l.sqlite"), model=ADDITION).prepare()
    assert ReplayBackend("x.sqlite").model == "any"


def test_what_was_not_recorded_is_a_failure(recorded: Path, sums: Any, grader: Any) -> None:
    for recording in ("l.sqlite", "o.parquet"):
        with pytest.raises(PartialResult, match="no recorded"):
            distill(
                sums(61), ReplayBackend(str(recorded / recording)), [RationaleAnnotator()], grader,
                recorded / "new.sqlite", recorded / "again.parquet",
            )  # fmt: skip


def test_a_missing_recording_or_model_is_explained(recorded: Path) -> None:
    with pytest.raises(ConfigError, match=r"No recording nowhere\.sqlite\. It must be a ledger"):
        ReplayBackend("nowhere.sqlite").prepare()
    with pytest.raises(ConfigError, match=r"holds nothing of the model 'gpt-9'; it holds teachers\.programs"):
        ReplayBackend(str(recorded / "l.sqlite"), model="gpt-9").prepare()
