"""The way back into the loop: questions that a teacher made become prompts of another run."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from lessons.errors import DataError
from lessons.records import Annotation, Message, Prompt
from lessons.sources.base import PromptSource
from lessons.tables import read_annotations
from teachers.near_duplicates import NearDuplicates

__all__ = ["AnnotatedPrompts"]


class AnnotatedPrompts(PromptSource):
    """Reads the new questions of a distill run (`NewPromptsAnnotator`) as prompts for the next.

    Questions with a problem are left out, and those that nearly repeat an earlier one of the file. A prompt inherits
    topic and system message; its metadata says where it came from: "made_from" (the id of the prompt it was made from),
    "aim", "teacher", "model", "template", "request_key", and "skills" where two were joined.

    The reference answers are a teacher's and unchecked. Ask a RationaleAnnotator about these prompts, graded: where
    several answers reached without seeing the reference agree with it, it holds; the others are not trained on.

    Args:
        lessons: Parquet file of annotations (a round's lessons.parquet).
        kind: The kind of the annotations, "new_prompt.<role>" for another teacher's.
        aims: Only questions with one of these aims; None for all.
        with_answer_only: Leave out questions without a reference answer.
        max_overlap: A question that shares so much with an earlier one is left out (see `NearDuplicates`).
        limit: Yield at most this many prompts; None for all.
    """

    def __init__(
        self,
        lessons: str,
        kind: str = "new_prompt",
        aims: list[str] | None = None,
        with_answer_only: bool = True,
        max_overlap: float = 0.7,
        limit: int | None = None,
    ) -> None:
        self.lessons = lessons
        self.kind = kind
        self.aims = aims
        self.with_answer_only = with_answer_only
        self.max_overlap = max_overlap
        self.limit = limit

    def prompts(self) -> Iterator[Prompt]:
        """Yield the prompts in the order of the file.

        Raises:
            DataError: The file is unusable or holds no such question.
        """
        known = NearDuplicates(self.max_overlap)
        rows = questions = unusable = given = 0
        for annotation in read_annotations(self.lessons):
            rows += 1
            if annotation.kind != self.kind or (self.aims is not None and annotation.data.get("aim") not in self.aims):
                continue
            questions += 1
            if annotation.problem is not None or (self.with_answer_only and annotation.answer is None):
                unusable += 1
                continue
            if known.nearest(annotation.text) is None:
                known.add(annotation.text)
                given += 1
                yield new_prompt(annotation)
                if given == self.limit:
                    return
        if not given:
            raise DataError(
                f"No new prompt in {self.lessons}: {rows} annotations, {questions} of the kind {self.kind!r} and the "
                f"aims {self.aims or 'all'}, {unusable} of them with a problem or without an answer. Run a "
                "NewPromptsAnnotator first, or correct these settings."
            )


def new_prompt(annotation: Annotation) -> Prompt:
    """Make a prompt of a new question."""
    source, data = annotation.provenance, annotation.data
    metadata: dict[str, Any] = {
        "made_from": annotation.prompt_id,
        "aim": data["aim"],
        "teacher": source.teacher,
        "model": source.model,
        "template": source.template,
        "request_key": source.request_key,
    }
    if "skills" in data:
        metadata["skills"] = data["skills"]
    system = [Message("system", data["system"])] if "system" in data else []
    return Prompt(
        id=f"{annotation.prompt_id}/{data['aim']}-{annotation.sample}",
        messages=(*system, Message("user", annotation.text)),
        reference=annotation.answer,
        choices=tuple(data.get("choices", ())),
        topic=data.get("topic"),
        metadata=metadata,
    )
