"""The teacher's candidates chosen by their use to the student: does the student do better with one as its example?"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from functools import cached_property, reduce
from itertools import accumulate
from statistics import fmean

from lessons.errors import ConfigError, DataError
from lessons.grading import Grader
from lessons.records import Annotation, Prompt, Provenance
from lessons.tables import read_prompts
from teachers.annotators.base import Annotator, Asking, Fields, ParseProblem, together
from teachers.annotators.prompt_calls import PromptCalls
from teachers.annotators.repair import sum_known
from teachers.annotators.roll import Roll
from teachers.annotators.subjects import TYPICAL_TEXT, whole_text
from teachers.backend import Completion, Request, Sampling, TeacherBackend

__all__ = ["CandidateChoiceAnnotator"]

SCORE = "score"
MARKER = "Answer:"
TYPICAL_ANSWER = "twelve hundred"
SCORING = Sampling(max_output_tokens=1)
"""Nothing is written; the sampling is part of the key only."""


class CandidateChoiceAnnotator(Annotator):
    """Ranks what the teacher wrote about a prompt by how much each text helps a student with other questions.

    After ARTE (Liu et al. 2024, arXiv:2406.19227) and learning by teaching (Ning et al. 2024, arXiv:2406.14629). There
    a candidate (q, r) scores the student's accuracy on probe questions with (q, r) as one-shot example; our reading
    takes the gain in log-probability, which tells small differences from few probes:
    gain(q, r) = mean over probes (x, y) of log p(y | q, r, x) - log p(y | x), in nats, y the right answer of x. Both
    are conditional on "Answer:" having been written, so that a candidate is not blamed for teaching to write steps.

    Every candidate becomes an annotation, the best first: `sample` is its rank, so that training on one target a prompt
    takes the best. `text`, `answer`, `grade` and author are the candidate's, `value` its gain. Its data: "chosen"
    (whether it is the best), "of" (its kind), "of_sample" (its number there), "gains" (one a probe), "probes" (their
    ids) and "student" (the model asked). Tokens and dollars are those of its scoring; the probes without example, which
    are scored once for the whole run, are counted in none.

    Args:
        student: Who is to learn: a model that scores given texts, such as a TransformersBackend.
        of: The kind of the candidates: an earlier annotation of the same run with several samples.
        trusted_only: Leave out candidates that were graded wrong.
        probes: Parquet file of prompts with references (a round's prompts.parquet); None: the first prompts of the run.
        probe_count: How many probes, the first ones with a reference; the prompt itself is never its own probe.
        template: Text file with another prompt template; copy teachers/annotators/templates/candidate_choice.txt.
    """

    kind = "candidate_choice"
    needs = frozenset()  # the run's teacher is not asked

    def __init__(
        self,
        student: TeacherBackend,
        of: str = "rationale",
        trusted_only: bool = True,
        probes: str | None = None,
        probe_count: int = 8,
        template: str | None = None,
    ) -> None:
        super().__init__(repairs=0, template=template)
        self.student = student
        self.of = of
        self.trusted_only = trusted_only
        self.probes = probes
        self.probe_count = probe_count

    @property
    def backends(self) -> tuple[TeacherBackend, ...]:
        """The student."""
        return (self.student,)

    @cached_property
    def given_probes(self) -> list[Prompt]:
        """The probes of the file, one more than asked for: a prompt of the run may be among them."""
        first = FirstPrompts(self.probe_count + 1)
        for prompt in read_prompts(self.probes) if self.probes else ():
            first.enroll(prompt)
        return first.prompts

    def lacking(self, earlier: Collection[str]) -> list[str]:
        """Return the kind of the candidates, where nobody writes them."""
        return [] if self.of in earlier else [self.of]

    def check(self, grader: Grader | None) -> None:
        """Refuse a student that cannot score and a file without probes; read the template."""
        super().check(grader)
        if SCORE not in self.student.gives:
            raise ConfigError(
                f"CandidateChoiceAnnotator needs a student that scores given texts; {type(self.student).__name__} "
                f"gives only {', '.join(sorted(self.student.gives))}. Use one that gives {SCORE}, such as "
                "TransformersBackend."
            )
        if self.probe_count < 1 or (self.probes is not None and not self.given_probes):
            raise ConfigError(
                f"CandidateChoiceAnnotator got probe_count={self.probe_count} and {len(self.given_probes)} prompts "
                f"with a reference in probes={self.probes}; at least 1 probe is needed. Raise the one or name another "
                "file."
            )

    def parse(self, completion: Completion, prompt: Prompt) -> Fields:
        """Read how likely the student found a right answer: the sum of the log-probabilities after "Answer:"."""
        tokens = completion.logprobs or ()
        ends = accumulate(len(token.token) for token in tokens)
        counted = [token.logprob for token, end in zip(tokens, ends, strict=True) if end > len(MARKER)]
        total = sum(counted)
        if not counted or not math.isfinite(total):
            raise ParseProblem("the student gave no log-probabilities of the answer")
        return Fields(completion.text, value=total)

    def roll(self) -> Roll | None:
        """Return a record of the run's first prompts, where they are the probes."""
        return FirstPrompts(self.probe_count + 1) if self.probes is None else None

    def foresee(self, prompt: Prompt) -> tuple[list[Request], int]:
        """Foresee nothing: the run's teacher is not asked."""
        return [], 0

    def foresee_others(self, prompt: Prompt, earlier: Mapping[str, int]) -> list[PromptCalls]:
        """Foresee every probe scored after every candidate and without one; none of the candidates is known yet."""

        def largest() -> Request:
            probe = next(iter(self.given_probes), replace(prompt, reference=prompt.reference or TYPICAL_ANSWER))
            return self.score_request(probe, (prompt.question, TYPICAL_TEXT))

        return [PromptCalls(self.student, [], self.probe_count * (1 + earlier.get(self.of, 0)), largest)]

    def probes_for(self, prompt: Prompt, roll: Roll | None) -> list[Prompt]:
        """Return the probes for a prompt's candidates.

        Raises:
            DataError: There is none.
        """
        known = roll.prompts if isinstance(roll, FirstPrompts) else self.given_probes
        found = [probe for probe in known if probe.id != prompt.id][: self.probe_count]
        if not found:
            raise DataError(
                f"No probe for the candidates of {prompt.id!r}: none of the first prompts of the run has a reference, "
                "itself aside; at least 1 other must. Name a file of prompts with references as `probes`."
            )
        return found

    def candidates(self, earlier: Sequence[Annotation]) -> list[Annotation]:
        """Return the texts to choose from, each once."""
        usable = [
            a for a in earlier if a.kind == self.of and a.problem is None and (a.trusted or not self.trusted_only)
        ]
        found: dict[str, Annotation] = {}
        for annotation in usable:
            found.setdefault(whole_text(annotation), annotation)
        return list(found.values())

    def score_request(self, probe: Prompt, example: tuple[str, str] | None) -> Request:
        """Make the request that scores a probe's right answer, after a question and its solution or without."""
        shown = {"question": example[0], "solution": example[1]} if example else None
        return replace(
            self.request(probe, self.wording.messages(probe, False, example=shown), 0, SCORING),
            continuation=f"{MARKER} {probe.reference}",
        )

    async def annotate(self, asking: Asking) -> list[Annotation]:
        """Score all candidates at once and rank them."""
        candidates = self.candidates(asking.earlier)
        if not candidates:
            return []
        if asking.through is None:
            raise ConfigError("CandidateChoiceAnnotator was used outside a run: its Asking has no `through`.")
        student, probes = asking.through(self.student), self.probes_for(asking.prompt, asking.roll)
        examples = [None, *((asking.prompt.question, whole_text(a)) for a in candidates)]
        without, *scored = await together([self.scores(student, probes, example) for example in examples])
        return self.ranked(candidates, probes, without, scored, student.model)

    async def scores(
        self, student: Asking, probes: Sequence[Prompt], example: tuple[str, str] | None
    ) -> list[Annotation]:
        """Score the right answers of all probes."""
        return await together([self.asked(student, self.score_request(probe, example)) for probe in probes])

    def ranked(
        self,
        candidates: Sequence[Annotation],
        probes: Sequence[Prompt],
        without: Sequence[Annotation],
        scored: Sequence[Sequence[Annotation]],
        student: str,
    ) -> list[Annotation]:
        """Return the candidates with their gains, the best first; of equal ones the earlier."""
        found = []
        for candidate, scores in zip(candidates, scored, strict=True):
            gains = [gain(one, base) for one, base in zip(scores, without, strict=True)]
            known = [one for one in gains if one is not None]
            problem = next((one.problem for one in (*scores, *without) if one.problem is not None), None)
            data = {
                "of": candidate.kind,
                "of_sample": candidate.sample,
                "gains": gains,
                "probes": [probe.id for probe in probes],
                "student": student,
            }
            spent = reduce(sum_known, (one.provenance for one in scores))
            found.append(
                replace(
                    candidate,
                    kind=self.kind,
                    value=fmean(known) if problem is None else None,
                    data=data,
                    problem=problem,
                    provenance=by_author(spent, candidate.provenance),
                )
            )
        found.sort(key=lambda one: -math.inf if one.value is None else one.value, reverse=True)
        return [
            replace(one, sample=rank, data={**one.data, "chosen": rank == 0 and one.problem is None})
            for rank, one in enumerate(found)
        ]


class FirstPrompts(Roll):
    """The first prompts of a run that have a reference.

    Args:
        most: So many are kept.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self.prompts: list[Prompt] = []

    def enroll(self, prompt: Prompt) -> None:
        """Keep a prompt, if it is one of the first."""
        if prompt.reference and len(self.prompts) < self.most:
            self.prompts.append(prompt)


def gain(with_example: Annotation, without: Annotation) -> float | None:
    """Return how much likelier the right answer became, in nats."""
    if with_example.value is None or without.value is None:
        return None
    return with_example.value - without.value


def by_author(spent: Provenance, author: Provenance) -> Provenance:
    """Return what was spent on scoring, under the name of the text's author."""
    return replace(spent, teacher=author.teacher, model=author.model, finish_reason=author.finish_reason)
