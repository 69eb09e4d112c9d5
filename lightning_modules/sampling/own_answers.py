"""Answers by the student in the run."""

from __future__ import annotations

from lightning_modules.sampling.answer_writer import AnswerWriter, Request
from students.generation import continuations
from students.student import Student

__all__ = ["OwnAnswers"]


class OwnAnswers(AnswerWriter):
    """The student writes, with the weights it has at that moment: batched, left-padded, with a key-value cache."""

    def write(self, student: Student, request: Request) -> list[list[int]]:
        """Return what the student writes to every prompt."""
        prompts = [asked.prompt.tolist() for asked in request.asked]
        return continuations(student, prompts, request.generation, request.uniforms)
