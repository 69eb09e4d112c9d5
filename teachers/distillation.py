"""Distill: prompts x annotators -> lessons.parquet, through the ledger."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence, Sized
from dataclasses import dataclass, field
from pathlib import Path

from lessons.errors import ConfigError, PartialResult, Stopped
from lessons.grading import Grader
from lessons.records import Annotation, Prompt
from lessons.tables import write_annotations
from teachers.annotators.base import Annotator
from teachers.backend import TeacherBackend
from teachers.batches.batching import Batches
from teachers.calls.budget import Budget
from teachers.calls.caller import Counts
from teachers.calls.callers import Callers
from teachers.calls.limits import Limits
from teachers.failures import failed_prompts, partial_message, write_failures
from teachers.pipeline import Failure, Pipeline, backends_of
from teachers.progress import Progress
from teachers.rarer_collections import rarer_collections

__all__ = ["DistillSummary", "check_settings", "distill"]


@dataclass(slots=True)
class DistillSummary:
    """What one distill run did."""

    prompts: int = 0
    """Prompts worked on."""
    annotations: int = 0
    """Annotations written."""
    trusted: int = 0
    """Those that parsed and were not graded wrong."""
    problems: int = 0
    """Those that could not be parsed, were cut off or refused."""
    wrong: int = 0
    """Those that were graded wrong."""
    kinds: dict[str, int] = field(default_factory=dict)
    """Annotations by kind."""
    failures: int = 0
    """Annotations that could not be had at all; listed in failures.jsonl."""
    calls: int = 0
    """Replies bought in this run."""
    from_ledger: int = 0
    """Replies that were in the ledger already."""
    failed_attempts: int = 0
    """Calls that brought no reply (most were tried again)."""
    input_tokens: int = 0
    """Tokens read for the new replies."""
    output_tokens: int = 0
    """Tokens written for the new replies."""
    dollars: float | None = None
    """What the new replies cost; None when the price is not known."""
    dollars_from_ledger: float = 0.0
    """What the others once cost, as far as known."""
    by_teacher: dict[str, Counts] = field(default_factory=dict)
    """What each teacher did, by its model's name."""
    seconds: float = 0.0
    """Time it took."""

    def add_up(self, callers: Callers | None, failures: int, priced: bool, seconds: float) -> None:
        """Take over what was asked."""
        self.by_teacher = callers.counts_by_model() if callers is not None else {}
        counts = sum(self.by_teacher.values(), Counts())
        self.failures = failures
        self.calls, self.from_ledger = counts.calls, counts.from_ledger
        self.failed_attempts = counts.failed_attempts
        self.input_tokens, self.output_tokens = counts.input_tokens, counts.output_tokens
        self.dollars = counts.dollars if priced else None
        self.dollars_from_ledger = counts.dollars_from_ledger
        self.seconds = seconds

    def count(self, annotation: Annotation) -> None:
        """Count one annotation."""
        self.annotations += 1
        self.trusted += annotation.trusted
        self.problems += annotation.problem is not None
        self.wrong += annotation.grade is not None and not annotation.grade.correct
        self.kinds[annotation.kind] = self.kinds.get(annotation.kind, 0) + 1


def distill(
    prompts: Iterable[Prompt],
    teacher: TeacherBackend,
    annotators: Sequence[Annotator],
    grader: Grader | None,
    ledger: str | Path,
    out: str | Path,
    limits: Limits | None = None,
    budget: Budget | None = None,
    progress: bool = True,
    allow_partial: bool = False,
    batches: Batches | None = None,
    retry_failed: bool = False,
    total: int | None = None,
) -> DistillSummary:
    """Ask a teacher about prompts and write the annotations, in the order of the prompts, to a Parquet file.

    Every reply is in the ledger before anything reads it, so this may be killed at any instant and run again: nothing
    is paid twice, and the file comes out the same. The file appears only when it is complete.

    Args:
        prompts: The prompts; read as a stream, so they need not fit into memory. Their ids must be unique.
        teacher: Who is asked.
        annotators: What is asked, in this order for every prompt; later ones see what earlier ones wrote.
        grader: Marks answers against the prompts' references; None to trust what parses.
        ledger: The ledger's file.
        out: The Parquet file to write; failures are listed in failures.jsonl next to it.
        limits: How hard the teacher may be worked.
        budget: What this run may spend on new calls.
        progress: Show progress on stderr.
        allow_partial: Write the file even when some annotations could not be had.
        batches: Buy through the provider's batch interface, at its lower price; None to call live. A run may be gone on
            with in the other mode: the ledger holds both.
        retry_failed: Make calls only for the prompts that failures.jsonl lists; the others come from the ledger.
        total: How many prompts there are, for the time left, where `prompts` does not know its length.

    Raises:
        PartialResult: Some annotations could not be had. Everything else is in the ledger.
        Stopped: By Ctrl-C, or (`BudgetExceeded`) by the budget. Run again to go on.
        CallFailed: The teacher refuses every call (wrong key, unknown model, no quota), or is not there.
        ConfigError: The settings contradict each other.
        StorageError: The disk refused a write.
    """
    limits, budget, out = limits or Limits(), budget or Budget(), Path(out)
    check_settings(teacher, annotators, grader, limits, budget, batches)
    only = failed_prompts(out) if retry_failed else None
    teachers = backends_of(teacher, annotators)
    for backend in teachers:
        backend.prepare()
    summary = DistillSummary()
    failures: list[Failure] = []
    started = time.monotonic()
    total = len(prompts) if isinstance(prompts, Sized) else total
    pipeline = Pipeline(prompts, teacher, annotators, grader, Path(ledger), limits, budget, batches, only)
    priced = all(backend.price is not None for backend in teachers)

    def written(bar: Progress) -> Iterator[Annotation]:
        for worked in pipeline:
            summary.prompts += worked.of_prompt
            failures.extend(worked.failures)
            for annotation in worked.annotations:
                summary.count(annotation)
                yield annotation
            if not bar.due:
                continue
            counts = pipeline.counts
            bar.at(summary.prompts, counts.dollars if priced else None, projected(counts, pipeline.finished, total))
        bar.at(summary.prompts, pipeline.counts.dollars if priced else None)
        write_failures(out, failures)
        if failures and not allow_partial:
            raise PartialResult(partial_message(out, failures, summary.prompts))

    try:
        with rarer_collections(), Progress("distill", total, "prompts", progress) as bar, pipeline:
            write_annotations(out, written(bar))
    except KeyboardInterrupt:
        raise Stopped(
            f"Stopped by the user after {summary.prompts} finished prompts; {pipeline.counts.calls} replies were "
            f"bought and saved in {ledger}. Run the same command again to go on: nothing is paid twice. "
            f"{pipeline.left_behind}".strip()
        ) from None
    except Stopped as error:
        if pipeline.left_behind:
            raise type(error)(f"{error} {pipeline.left_behind}") from None
        raise
    summary.add_up(pipeline.callers, len(failures), priced, time.monotonic() - started)
    return summary


def projected(counts: Counts, finished: int, total: int | None) -> float | None:
    """Return what the whole run will likely cost: prompts to come cost what the others did, bought now or before."""
    if total is None or not finished:
        return None
    mean = (counts.dollars + counts.dollars_from_ledger) / finished
    return counts.dollars + mean * max(0, total - finished)


def check_settings(
    teacher: TeacherBackend,
    annotators: Sequence[Annotator],
    grader: Grader | None,
    limits: Limits,
    budget: Budget,
    batches: Batches | None = None,
) -> None:
    """Refuse what cannot work, before the first call.

    Raises:
        ConfigError: No annotator, two of one kind, or an annotator needs what the teacher cannot give.
        UnknownPrice: A dollar budget for a teacher whose price is not known.
    """
    kinds = [annotator.kind for annotator in annotators]
    if not kinds or len(set(kinds)) != len(kinds):
        raise ConfigError(
            f"annotators must be at least one, each of another kind, got {kinds}. "
            "For several annotations of one kind use the annotator's own setting (samples, max_texts), or put one "
            "into By, which gives its kind a role (difficulty.second)."
        )
    for place, annotator in enumerate(annotators):
        annotator.check(grader)
        if lacking := annotator.lacking(kinds[:place]):
            raise ConfigError(
                f"{type(annotator).__name__} ({annotator.kind}) has to read {' and '.join(map(repr, lacking))}, which "
                f"no annotator before it writes; those write {', '.join(map(repr, kinds[:place])) or 'nothing'}. Put "
                "the one that does before it, correct the kind, or name a file if it takes one (attempts, critiques)."
            )
        if missing := sorted(annotator.needs - teacher.gives):
            raise ConfigError(
                f"{type(annotator).__name__} needs {', '.join(missing)}, which {type(teacher).__name__} cannot give "
                f"(it gives {', '.join(sorted(teacher.gives))}). Choose another teacher or leave the annotator out."
            )
    limits.check()
    if batches is not None:
        batches.check()
        if teacher.batch_api is None:
            raise ConfigError(
                f"{type(teacher).__name__} ({teacher.model}) has no batch interface. Leave batches out to call it "
                "live, or choose a teacher that has one."
            )
    for backend in backends_of(teacher, annotators):
        budget.check(backend.price, backend.model)
