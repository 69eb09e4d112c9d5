"""Judging an answer and writing it again."""

from __future__ import annotations

from typing import Literal

from lessons.errors import RenderingError
from lessons.records import Lesson
from students.renderings.answers import needed, weighed, whole_text
from students.renderings.base import Exercise, Rendering
from students.renderings.wrapping import asked

__all__ = ["CritiqueAndRevision"]

SHOWN = "\n\nCritique:\n{critique}"


class CritiqueAndRevision(Rendering):
    """Teach to revise an answer by its critique: written by the student itself, given to it, or left out.

    From revisions as `teachers.RevisionAnnotator` writes them, which keep the critique they followed. With "written"
    the student writes the critique, the separator and the revision, as in SELF's feedback and refinement (Lu et al.
    2023, arXiv:2310.00533, unchecked; the form is ours); with "given" it reads the critique, as a reader of feedback
    does; with "none" it goes from the attempt to the revision, as CITING's students do from an answer (Feng et al.
    2023, arXiv:2310.02527; there under a rubric, which a template may hold). The exam asks the plain question, as for
    `Critique`.

    Args:
        critique: Who writes the critique: "written" by the student, "given" in the question, "none" left out.
        template: Text of the user's message; "{question}" and "{attempt}" are filled in, and where the critique is
            given it follows.
        separator: What stands between critique and revision where the student writes both.
        of: The kind of annotation that is the revision; its `subject` is the attempt.
        critique_weight: Loss weight of a token of a written critique, beside 1 for the revision; 0: it is only read.
    """

    def __init__(
        self,
        critique: Literal["written", "given", "none"] = "written",
        template: str = "{question}\n\nProposed answer:\n{attempt}\n\nImprove this answer.",
        separator: str = "\n\nImproved answer:\n",
        of: str = "revision",
        critique_weight: float = 1.0,
    ) -> None:
        self.critique = critique
        self.template = template
        self.separator = separator
        self.of = of
        self.critique_weight = critique_weight

    def exercises(self, lesson: Lesson) -> list[Exercise]:
        """Return the attempt with what improves it."""
        revision = needed(lesson, self.of, self)
        critique = str(revision.data.get("critique") or "").strip()
        if not revision.subject or (not critique and self.critique != "none"):
            lacking = "critique" if revision.subject else "answer"
            raise RenderingError(
                f"The {self.of} of lesson {lesson.id!r} does not say which {lacking} it follows. Needed are the "
                "attempt in `subject` and the critique in its data, as RevisionAnnotator writes them. Have the "
                "revisions written again, or set critique: none."
            )
        text, template = whole_text(revision), self.template
        if self.critique == "written":
            text = f"{critique}{self.separator}{text}"
        elif self.critique == "given":
            template += SHOWN
        messages = asked(lesson.prompt.messages, template, attempt=revision.subject, critique=critique)
        opening = critique if self.critique == "written" else ""
        return [weighed(Exercise(messages, text), opening, "critique_weight", self.critique_weight)]
