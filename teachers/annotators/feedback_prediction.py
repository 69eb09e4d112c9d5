"""Feedback to be predicted: what a given attempt deserves to hear, as training text."""

from __future__ import annotations

from lessons.grading import Grader
from lessons.records import Annotation, Prompt
from teachers.annotators.base import Fields, ParseProblem
from teachers.annotators.critiques import VERDICTS, Which, chosen, marked_critique
from teachers.annotators.labels import choice_label
from teachers.annotators.subjects import Subject, SubjectAnnotator
from teachers.exchange import Completion

__all__ = ["FeedbackPredictionAnnotator"]


class FeedbackPredictionAnnotator(SubjectAnnotator):
    """Asks for the feedback that an attempt deserves, with the right answer in view: a student learns to predict it.

    After LaFFi (Li et al. 2023, arXiv:2401.00907): a student answers, an annotator who knows the gold answer writes
    feedback, and the student is trained to predict that feedback from the question and its own answer. So this feedback
    is what is learnt, not what is read before answering: it may and shall say what the right answer is, so there is no
    leak check. (`PrivilegedFeedbackAnnotator` writes what a student may read.)

    The annotation's `subject` is the attempt, its `text` the feedback, its `answer` the verdict, "correct" or
    "incorrect", which is graded where the attempt can be. `data["subject"]` says where the attempt came from: kind,
    sample, author, and whether it was graded correct. Train on it with `students.Critique(of="feedback_prediction")`.

    Args:
        attempts: Parquet file of attempts (the student's exam); None: texts of the same run.
        of: The kind of the earlier annotations that get feedback. Not used with `attempts`.
        which: Which of them: "wrong" (graded wrong), "right" or "all". A student that only ever reads wrong answers
            would learn to predict blame.
        max_texts: At most so many attempts of one prompt, the first ones.
        verify: Grade the verdicts, when the run has a grader.
        temperature: Temperature of sampling; None for the provider's default.
        max_output_tokens: Upper bound on the tokens of one reply, hidden reasoning included.
        seed: Seed, for teachers that honour seeds.
        show_reference: Show the teacher the right answer (marked as such).
        repairs: How often a reply that cannot be read is sent back with the reason: 0 or 1.
        template: Text file with another prompt template; copy teachers/annotators/templates/feedback_prediction.txt.
    """

    kind = "feedback_prediction"

    def __init__(
        self,
        attempts: str | None = None,
        of: str = "rationale",
        which: Which = "all",
        max_texts: int = 1,
        verify: bool = True,
        temperature: float | None = 0.0,
        max_output_tokens: int = 512,
        seed: int | None = None,
        show_reference: bool = True,
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
            verify=verify,
            template=template,
        )
        self.which = which

    def parse(self, completion: Completion, prompt: Prompt) -> Fields:
        """Read the feedback and the last line "Verdict: ..."."""
        feedback, verdict = choice_label(completion.text, "Verdict", VERDICTS)
        if not feedback:
            raise ParseProblem("there is no feedback before the verdict")
        return Fields(feedback, verdict)

    def marked(self, annotation: Annotation, grader: Grader, prompt: Prompt) -> Annotation:
        """Mark the verdict."""
        return marked_critique(annotation, grader, prompt)

    def wanted(self, subjects: list[Subject]) -> list[Subject]:
        """Return the attempts that `which` names."""
        return chosen(subjects, self.which)
