"""Marks from a teacher that judges one answer at a time."""

from __future__ import annotations

from lessons.records import Prompt
from teachers.annotators.base import Fields
from teachers.annotators.labels import number_label
from teachers.annotators.subjects import SubjectAnnotator
from teachers.exchange import Completion

__all__ = ["JudgeAnnotator"]

LOWEST, HIGHEST = 1, 10


class JudgeAnnotator(SubjectAnnotator):
    """Asks for a mark from 1 to 10 for one answer, with reasons: a verdict where no grader can give one.

    After MT-Bench's single-answer grading (Zheng et al. 2023, arXiv:2306.05685; wording and scale ours). A judge alone
    is no proof: `data["subject"]["correct"]` holds the grader's mark of the same answer, which the judge does not see,
    so that their agreement can be counted. The annotation's `text` are the reasons, its `answer` the mark as written,
    its `value` (mark - 1) / 9, its `subject` the answer judged, `data["subject"]` where that came from: kind, sample,
    author, correct.

    Args:
        attempts: Parquet file of attempts to judge (an exam's attempts.parquet); None: texts of the same run.
        of: The kind of the earlier annotations to judge; not used with `attempts`.
        max_texts: At most so many texts of one prompt, the first ones.
        temperature: Temperature of sampling; None for the provider's default.
        max_output_tokens: Upper bound on the tokens of one reply, hidden reasoning included.
        seed: Seed, for teachers that honour seeds.
        show_reference: Show the teacher the right answer (marked as such).
        repairs: How often a reply that cannot be read is sent back with the reason: 0 or 1.
        template: Text file with another prompt template; copy teachers/annotators/templates/judgement.txt.
    """

    kind = "judgement"

    def __init__(
        self,
        attempts: str | None = None,
        of: str = "rationale",
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

    def parse(self, completion: Completion, prompt: Prompt) -> Fields:
        """Read the last line "Score: N"."""
        reasons, mark = number_label(completion.text, "Score", LOWEST, HIGHEST)
        return Fields(reasons, str(mark), (mark - LOWEST) / (HIGHEST - LOWEST))
