"""What graders need from a prompt."""

from __future__ import annotations

from lessons.errors import DataError
from lessons.grading import Grader
from lessons.records import Prompt

__all__ = ["reference_of", "unusable_reference"]


def reference_of(prompt: Prompt, grader: Grader) -> str:
    """Return the prompt's reference answer.

    Raises:
        DataError: It has none.
    """
    if prompt.reference is None:
        raise DataError(
            f"{type(grader).__name__} cannot grade the prompt {prompt.id!r}: it has no reference answer (got None). "
            "Name the column that holds it with columns.reference, or run without a grader."
        )
    return prompt.reference


def unusable_reference(prompt: Prompt, grader: Grader, wanted: str, instead: str) -> DataError:
    """Build the error for a reference of the wrong kind.

    Args:
        prompt: The prompt that cannot be graded.
        grader: The grader that cannot grade it.
        wanted: What the reference should be, for example "a number".
        instead: What to do about it.
    """
    return DataError(
        f"{type(grader).__name__} cannot grade the prompt {prompt.id!r}: its reference is {prompt.reference!r}, "
        f"which is not {wanted}. {instead}"
    )
