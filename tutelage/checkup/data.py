"""Checks of prompts and exam: readable, apart from each other, and gradable."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from lessons.grading import Grader
from lessons.records import Prompt
from tutelage.checkup.finding import Finding
from tutelage.pool import conversation

__all__ = ["check_apart", "check_gradable", "check_prompts"]


def check_prompts(what: str, prompts: Sequence[Prompt]) -> Iterator[Finding]:
    """Say how many prompts there are and what they carry."""
    with_reference = sum(prompt.reference is not None for prompt in prompts)
    topics = len({prompt.topic for prompt in prompts if prompt.topic is not None})
    levels = len({prompt.difficulty for prompt in prompts if prompt.difficulty is not None})
    text = f"{len(prompts):,}, {with_reference:,} with a reference; {topics} topics, {levels} levels of difficulty"
    yield Finding("ok" if prompts else "fail", what, text)


def check_gradable(grader: Grader, exam: Sequence[Prompt]) -> Iterator[Finding]:
    """Mark an empty answer to every question: a question that cannot be marked raises."""
    lucky = sum(grader.grade("", prompt).correct for prompt in exam)
    if lucky:
        yield Finding(
            "warn", "grader", f"{grader.name} marks an empty answer right for {lucky} of {len(exam)} questions"
        )
    else:
        yield Finding("ok", "grader", f"{grader.name} can mark all {len(exam):,} questions")


def check_apart(prompts: Sequence[Prompt], exam: Sequence[Prompt], dropped: bool) -> Iterator[Finding]:
    """Look for exam questions among the prompts."""
    questions = {conversation(prompt) for prompt in exam}
    shared = sum(conversation(prompt) in questions for prompt in prompts)
    if not shared:
        yield Finding("ok", "leaks", "no prompt is an exam question")
    elif dropped:
        yield Finding("warn", "leaks", f"{shared} prompts are exam questions and will be left out")
    else:
        yield Finding(
            "fail", "leaks", f"{shared} prompts are exam questions. Give the exam others, or set shared_questions: drop"
        )
