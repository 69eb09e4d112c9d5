"""Logits as a part of a course: a teacher reads the very lessons that an arm trains on, once, before it trains."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from students.logit_store import Capture
from students.renderings import Rendering
from students.student import Student
from tutelage.child import run_child
from tutelage.settings import JSON, settings_of

__all__ = ["LOGITS", "LogitsRule", "StoredLogits", "models_read", "run_logits"]

LOGITS = "logits"
"""The folder of a store, in that of its arm."""
TOKENIZER_FILES = ("tokenizer.json", "tokenizer_config.json", "tokenizer.model", "chat_template.jinja")


@dataclass(frozen=True)
class StoredLogits:
    """A teacher that tells how probable it finds every token of an arm's lessons, before the arm trains on them."""

    teacher: Student
    """The model that is asked, described as a student is, without adapter. It needs the student's vocabulary."""
    capture: Capture | None = None
    """How much is stored, and in which format; None for the top 64 in float16."""


@dataclass(frozen=True)
class LogitsRule:
    """Which lessons are read, as `tutelage logits` is told."""

    stored: StoredLogits
    """Who reads them, and what is kept."""
    student: Student
    """Whose tokenizer and template the lessons are rendered with."""
    rendering: Rendering
    """How a lesson becomes training text."""
    reading: Mapping[str, JSON]
    """The settings that choose the lessons, and which of them are too long."""

    def settings(self) -> dict[str, JSON]:
        """Return what shapes the store: all but where it lies, and how much memory it takes to make it."""
        capture = asdict(self.stored.capture or Capture())
        del capture["tokens_per_batch"]
        return {**self.config(), "capture": capture}

    def config(self) -> dict[str, JSON]:
        """Return the content of logits.yaml, without the paths of the round."""
        return {
            "teacher": settings_of(self.stored.teacher),
            "student": settings_of(reader(self.student)),
            "rendering": settings_of(self.rendering),
            "capture": settings_of(self.stored.capture),
            **self.reading,
        }


def reader(student: Student) -> Student:
    """Return a student of which nothing is left but how it reads: no more is needed of it."""
    arguments = student.template_arguments
    return Student(student.weights, chat_template=student.chat_template, template_arguments=arguments)


def run_logits(rule: LogitsRule, round_folder: Path, folder: Path, annotated: bool) -> None:
    """Store the logits as `python -m tutelage logits --config <folder>/logits.yaml`; finished shards are kept.

    Args:
        rule: Which lessons are read by whom.
        round_folder: The round's folder, with its prompts and annotations.
        folder: The arm's folder.
        annotated: Whether the round has annotations.
    """
    paths: dict[str, JSON] = {
        "out": str(folder / LOGITS),
        "prompts": str(round_folder / "prompts.parquet"),
        "annotations": str(round_folder / "lessons.parquet") if annotated else None,
    }
    run_child("Storing logits", ["logits"], {**paths, **rule.config()}, folder / "logits.yaml")


def models_read(rule: LogitsRule) -> dict[str, Path]:
    """Return the files of the teacher and of the student's tokenizer that lie on this machine, by names of their own.

    What has since been removed is not among them: a teacher that has spoken is needed no more.
    """
    found = {f"teacher {name}": Path(name) for name in paths_in(settings_of(rule.stored.teacher))}
    for name in paths_in(settings_of(rule.student.weights)):
        files = [Path(name) / file for file in TOKENIZER_FILES] if Path(name).is_dir() else [Path(name)]
        found.update({f"tokenizer {file}": file for file in files if file.is_file()})
    return found


def paths_in(settings: JSON) -> Iterator[str]:
    """Yield the texts in settings that name a file or folder on this machine."""
    if isinstance(settings, dict):
        settings = list(settings.values())
    if isinstance(settings, list):
        for part in settings:
            yield from paths_in(part)
    elif isinstance(settings, str) and "/" in settings and Path(settings).exists():
        yield settings
