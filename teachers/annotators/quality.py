"""The quality of a lesson: is this question with this answer worth training on?"""

from __future__ import annotations

from collections.abc import Collection

from lessons.records import Prompt
from teachers.annotators.base import Fields
from teachers.annotators.labels import number_label
from teachers.annotators.subjects import Subject, SubjectAnnotator
from teachers.exchange import Completion, Request

__all__ = ["QualityAnnotator"]

LOWEST, HIGHEST = 1, 5
REFERENCE = "reference"


class QualityAnnotator(SubjectAnnotator):
    """Asks how good an answer to a question is as material for training, from 1 to 5, with reasons.

    After AlpaGasus (Chen et al. 2023, arXiv:2307.08701), which rates each (instruction, response) of a data set and
    trains on the best; scale and threshold are our reading. The annotation's `text` are the reasons, its `answer` the
    rating as written, its `value` (rating - 1) / 4, its `subject` the answer rated, `data["subject"]` where that came
    from: kind, sample, author, and whether it was graded correct.

    Args:
        of: Which texts are rated: the kind of an earlier annotation of the same run, or "reference" for the answers
            that the data came with.
        attempts: Parquet file of attempts (an exam's attempts.parquet) to rate in place of these.
        dimension: What to rate, such as "accuracy", "helpfulness" or "clarity for a beginner".
        max_texts: At most so many texts of one prompt, the first ones.
        temperature: Temperature of sampling; None for the provider's default.
        max_output_tokens: Upper bound on the tokens of one reply, hidden reasoning included.
        seed: Seed, for teachers that honour seeds.
        show_reference: Show the teacher the right answer (marked as such).
        repairs: How often a reply that cannot be read is sent back with the reason: 0 or 1.
        template: Text file with another prompt template; copy teachers/annotators/templates/quality.txt.
    """

    kind = "quality"

    def __init__(
        self,
        of: str = "rationale",
        attempts: str | None = None,
        dimension: str = "accuracy",
        max_texts: int = 1,
        temperature: float | None = 0.0,
        max_output_tokens: int = 512,
        seed: int | None = None,
        show_reference: bool = False,
        repairs: int = 1,
        template: str | None = None,
    ) -> None:
        super().__init__(
            attempts,
            of,
            max_texts,
            temperature=temperature,
            max_output_tokens=max_output_tokens,
            seed=seed,
            show_reference=show_reference,
            repairs=repairs,
            template=template,
        )
        self.dimension = dimension

    def lacking(self, earlier: Collection[str]) -> list[str]:
        """Return the kind of the texts, where neither a file nor the data holds them and nobody writes them."""
        return [] if self.of == REFERENCE else super().lacking(earlier)

    def subject_request(self, prompt: Prompt, text: str, sample: int) -> Request:
        """Make the request that asks about one text."""
        return self.request(prompt, self.build(prompt, attempt=text, dimension=self.dimension), sample)

    def known_subjects(self, prompt: Prompt) -> list[Subject] | None:
        """Return the texts known before the run: attempts of the file, or the reference."""
        if self.attempts is None and self.of == REFERENCE:
            return [] if prompt.reference is None else [Subject(prompt.reference, REFERENCE, 0, "data", True)]
        return super().known_subjects(prompt)

    def parse(self, completion: Completion, prompt: Prompt) -> Fields:
        """Read the last line "Quality: N"."""
        reasons, rating = number_label(completion.text, "Quality", LOWEST, HIGHEST)
        return Fields(reasons, str(rating), (rating - LOWEST) / (HIGHEST - LOWEST))
