"""`tutelage distill`: prompts x annotators -> verified lessons, through a ledger that never pays twice."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import pyarrow.parquet as pq

from lessons.grading import Grader
from lessons.sources import PromptSource, unique
from lessons.tables import read_prompts, write_prompts
from teachers import Annotator, Batches, Budget, Limits, TeacherBackend
from tutelage.foretelling import foretell
from tutelage.progress import say
from tutelage.settings import JSON, settings_of
from tutelage.steps import Step, run_step

__all__ = ["distill"]


def distill(
    out: str,
    prompts: PromptSource,
    teacher: TeacherBackend,
    annotators: list[Annotator],
    grader: Grader | None = None,
    ledger: str | None = None,
    limits: Limits | None = None,
    budget: Budget | None = None,
    batches: Batches | None = None,
    allow_partial: bool = False,
    retry_failed: bool = False,
    dry_run: bool = False,
) -> None:
    """Ask a teacher about prompts; write prompts.parquet and lessons.parquet.

    Every reply is in the ledger before anything reads it: the command may be killed at any moment and run again,
    and nothing is paid twice.

    Args:
        out: Folder to write to.
        prompts: What to ask about.
        teacher: Whom to ask.
        annotators: What to ask for, in this order for every prompt.
        grader: Marks the teacher's answers against the prompts' references; None trusts whatever can be read.
        ledger: The file that keeps every reply; None for ledger.sqlite in `out`.
        limits: How fast the teacher may be asked.
        budget: What this run may spend on new calls.
        batches: Buy through the provider's batch interface, at its lower price; None asks live. A run may be gone on
            with in the other mode: the ledger holds both.
        allow_partial: Write what there is even when some annotations could not be had.
        retry_failed: Make calls only for the prompts that failures.jsonl lists; all else comes from the ledger.
        dry_run: Only say how many calls, tokens and dollars it would take; ask nobody, spend nothing, write nothing.
    """
    from teachers import distill as ask

    folder = Path(out)
    where = Path(ledger) if ledger else folder / "ledger.sqlite"
    if dry_run:
        from teachers.estimate import estimate

        found = estimate(unique(prompts.prompts()), teacher, annotators, grader, where, limits, budget, batches)
        foretell(found)
        return
    asked, lessons = folder / "prompts.parquet", folder / "lessons.parquet"

    def action() -> dict[str, JSON]:
        rows, total = read_prompts(asked), pq.read_metadata(asked).num_rows
        return asdict(
            ask(
                rows, teacher, annotators, grader, where, lessons, limits, budget, True, allow_partial, batches,
                retry_failed, total,
            )
        )  # fmt: skip

    source = {"prompts": settings_of(prompts)}
    run_step(
        Step("prompts", folder, (asked,), lambda: {"prompts": write_prompts(asked, unique(prompts.prompts()))}, source)
    )
    settings = {"teacher": settings_of(teacher), "annotators": settings_of(annotators), "grader": settings_of(grader)}
    step = Step("distill", folder, (lessons,), action, settings, (asked,))
    if not run_step(step, again=retry_failed and (folder / "failures.jsonl").exists()):
        say(f"{folder} holds these very lessons already.")
    for line in describe(step, [annotator.kind for annotator in annotators]):
        print(line)


def describe(step: Step, kinds: list[str]) -> list[str]:
    """Return what came of a finished run, in words; also of annotators that wrote nothing."""
    from tutelage.report.agreements import agreement_sentences
    from tutelage.report.page import dollars
    from tutelage.report.teaching import count_annotations, count_spending

    counted = count_annotations(step.outputs)
    silent = [kind for kind in kinds if kind not in {row.kind for row in counted}]
    lines = [
        *(f"{kind}: no annotations" for kind in silent),
        *(
            f"{row.kind}: {row.total:,} annotations, {row.verified:,} verified, {row.rejected:,} rejected, "
            f"{row.unusable:,} unusable, {row.ungraded:,} not graded"
            for row in counted
        ),
    ]
    for bill in count_spending(step.outputs):
        money = "price not known" if bill.dollars is None else dollars(bill.dollars)
        lines.append(
            f"{bill.teacher}: {bill.calls:,} calls, {bill.input_tokens:,} tokens read, "
            f"{bill.output_tokens:,} tokens written, {money}"
        )
    return [*lines, *agreement_sentences(step.outputs), f"lessons: {step.outputs[0]}"]
