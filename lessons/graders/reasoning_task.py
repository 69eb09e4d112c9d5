"""Right means what reasoning-gym's own scorer of the task gives full marks."""

from __future__ import annotations

import math
from typing import Any

from lessons.answers import final_answer
from lessons.errors import DataError
from lessons.grading import Grader
from lessons.reasoning_tasks import BROKEN_SCORERS, entry_of, safe_to_score, task_dataset
from lessons.records import Grade, Prompt

__all__ = ["ReasoningTaskGrader"]


class ReasoningTaskGrader(Grader):
    """Marks answers with the scorer of the reasoning-gym task that the prompt came from.

    Many scorers give partial credit, so an answer is right only at 1.0; the credit is kept as the score. Needs the
    metadata that `ReasoningGymSource` stores. Tasks whose scorer is known to be wrong are refused. Some scorers
    evaluate the answer as Python: such an answer reaches them only if it is plain arithmetic or a plain list.
    """

    def grade(self, text: str, prompt: Prompt) -> Grade:
        """Mark the final answer of `text`; see `Grader.grade`."""
        task, config, entry = entry_of(prompt)
        if task in BROKEN_SCORERS:
            raise DataError(
                f"ReasoningTaskGrader cannot grade the prompt {prompt.id!r}: the scorer of {task!r} cannot be "
                f"trusted ({BROKEN_SCORERS[task]}). Choose another task, or another grader, for example ExactGrader."
            )
        answer = final_answer(text)
        if answer == entry["answer"] and answer:
            return Grade(True, 1.0, answer, self.name)
        if not safe_to_score(task, answer):
            return Grade(False, 0.0, answer, self.name, "not an answer that this task's scorer may evaluate")
        score, problem = self.score(task, config, entry, answer)
        if score >= 1.0:
            return Grade(True, 1.0, answer, self.name)
        expected = "" if entry["answer"] is None else f"; the reference is {entry['answer']!r}"
        return Grade(False, score, answer, self.name, problem or f"scored {score:g} of 1{expected}")

    def score(self, task: str, config: dict[str, Any], entry: dict[str, Any], answer: str) -> tuple[float, str | None]:
        """Return the scorer's mark, or 0 with the reason when it fails on this answer."""
        scorer = task_dataset(task, config)
        try:
            score = float(scorer.score_answer(answer, entry))
        except Exception as error:  # some scorers raise on text they cannot read (prime_factorization does)
            return 0.0, f"the scorer cannot read it ({type(error).__name__})"
        return (min(max(score, 0.0), 1.0), None) if math.isfinite(score) else (0.0, "the scorer gave no number")
