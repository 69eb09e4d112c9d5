"""Checks of the student: tokenizer and chat template, and one training sequence to look at."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from rich.text import Text

from lessons.lesson_set import LessonSet
from lessons.records import Annotation, Lesson, Prompt, Provenance
from students import Student, preview
from tutelage.arms import Arm
from tutelage.checkup.finding import Finding

__all__ = ["check_sample", "check_template", "sample_lesson"]


def check_template(student: Student, prompt: Prompt) -> Iterator[Finding]:
    """Render one conversation: the training text must begin with exactly what is asked at an exam."""
    encoder = student.encoder
    asked = encoder.prompt_ids(prompt.messages)
    ids = encoder.completion_ids(prompt.messages, prompt.reference or "An answer.")
    text = f"{len(asked)} tokens ask, {len(ids)} answer; the answer ends with the end-of-turn token"
    yield Finding("ok" if ids[-1] in encoder.stop_ids else "fail", "chat template", text)


def sample_lesson(arm: Arm, prompt: Prompt, round_folder: Path) -> tuple[Lesson, bool]:
    """Return a lesson to look at, and whether it is a real one (else its annotations are stand-ins)."""
    prompts, lessons = round_folder / "prompts.parquet", round_folder / "lessons.parquet"
    if prompts.exists() and lessons.exists():
        found = LessonSet.read(prompts, lessons, arm.target, 1, arm.trusted_only)
        return next((lesson for lesson in found if arm.rendering.left_out(lesson) is None), found[0]), True
    source = Provenance("nobody", "none", "none", "")
    answer = prompt.reference or prompt.question  # a small tokenizer may know no other characters
    critique = Annotation(prompt.id, "critique", 0, prompt.question, source)
    rationale = Annotation(prompt.id, "rationale", 0, prompt.question, source, answer=answer)
    stand_ins = [rationale, replace(critique, answer="correct", subject=answer)]
    return Lesson(prompt.id, prompt, tuple(stand_ins)), False


def check_sample(name: str, arm: Arm, student: Student, prompt: Prompt, round_folder: Path) -> Iterator[Finding]:
    """Show one training sequence of an arm: what is learnt in green, what is only read in grey."""
    lesson, real = sample_lesson(arm, prompt, round_folder)
    if (reason := arm.rendering.left_out(lesson)) is not None:
        when = "every lesson is left out" if real else "none before the teacher has written"
        yield Finding("warn" if real else "ok", f"sample of {name}", f"{when}: {reason}")
        return
    for example in arm.rendering.render(lesson, student.encoder):
        picture = Text()
        learnt = 0
        for span in preview(example, student.tokenizer):
            picture.append(span.text, style="bold green" if span.weight else "bright_black")
            learnt += span.tokens if span.weight else 0
        kind = "" if real else " (the question stands in for what the teacher will write)"
        text = f"{len(example.input_ids)} tokens, {learnt} of them learnt (green), part {example.part!r}{kind}"
        ends = example.weights[-1] > 0
        yield Finding("ok" if ends else "warn", f"sample of {name}", text, picture)
