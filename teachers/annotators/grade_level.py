"""School grades: in which year of school a question can be answered."""

from __future__ import annotations

from lessons.records import Prompt
from teachers.annotators.asking import Fields
from teachers.annotators.base import Annotator
from teachers.annotators.labels import number_label
from teachers.exchange import Completion

__all__ = ["GradeLevelAnnotator"]

UNIVERSITY = 13


class GradeLevelAnnotator(Annotator):
    """Asks for the school grade in which pupils learn to answer a question: 1 to 12, or 13 for university and later.

    Stored as a value from 0 (grade 1) to 1 (university); `data` has the `grade` and whether it is `university`.

    Args:
        temperature: Temperature of sampling; None for the provider's default.
        max_output_tokens: Upper bound on the tokens of one reply, hidden reasoning included.
        seed: Seed, for teachers that honour seeds.
        show_reference: Show the teacher the right answer (marked as such).
        repairs: How often a reply that cannot be read is sent back with the reason: 0 or 1.
        template: Text file with another prompt template; copy teachers/annotators/templates/grade_level.txt.
    """

    kind = "grade_level"

    def __init__(
        self,
        temperature: float | None = 0.0,
        max_output_tokens: int = 256,
        seed: int | None = None,
        show_reference: bool = False,
        repairs: int = 1,
        template: str | None = None,
    ) -> None:
        super().__init__(
            temperature=temperature,
            max_output_tokens=max_output_tokens,
            seed=seed,
            show_reference=show_reference,
            repairs=repairs,
            template=template,
        )

    def parse(self, completion: Completion, prompt: Prompt) -> Fields:
        """Read the last line "Grade: N"."""
        text, grade = number_label(completion.text, "Grade", 1, UNIVERSITY)
        data = {"grade": grade, "university": grade == UNIVERSITY}
        return Fields(text, str(grade), (grade - 1) / (UNIVERSITY - 1), data)
