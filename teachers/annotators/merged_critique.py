"""Critiques by several teachers, judged and merged into one."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from lessons.errors import ConfigError
from lessons.grading import Grader
from lessons.records import Annotation, Prompt
from teachers.annotators.base import Asking, Fields, ParseProblem
from teachers.annotators.critiqued import Critiqued, CritiquedAnnotator, origin
from teachers.annotators.critiques import discreet, marked_critique, read_critique
from teachers.annotators.labels import choice_label
from teachers.annotators.numbered import numbered, steps_of
from teachers.exchange import Completion, Request

__all__ = ["MergedCritiqueAnnotator"]

JUDGEMENTS = ("sound", "partly sound", "unsound")
MERGED = re.compile(
    r"^[ \t]*(?:#{1,4}[ \t]*)?[*_]{0,3}merged critique[*_]{0,3}[ \t]*:[*_]{0,3}", re.IGNORECASE | re.MULTILINE
)
NAMED = re.compile(r"^[ \t]*[*_]{0,3}critique (\d{1,3})[*_]{0,3}[ \t]*:", re.IGNORECASE | re.MULTILINE)


class MergedCritiqueAnnotator(CritiquedAnnotator):
    """Asks the run's teacher to judge the critiques that several teachers wrote of one attempt, and to merge them.

    After MultiCritique (Lan et al. 2024, arXiv:2410.15287), where a meta-critic sorts the single remarks of four models
    into seven classes and keeps the good ones. Our reading: each critique as a whole is judged "sound", "partly sound"
    or "unsound", and one critique is written from what is right in them. The critiques are the earlier ones of
    the kinds "critique" and "critique.<role>" (see `By`) about the same attempt; who wrote them is not shown.

    Fields are those of `CritiqueAnnotator`, so the merged verdict and correction are graded likewise; the data also has
    "judgements" (of each critique, in order) and "merged" (for each: kind, sample, author, request key, verdict).

    Args:
        critiques: Parquet file of annotations that holds the critiques (lessons.parquet); None: those of the same run.
        min_critiques: Attempts with fewer critiques are left out.
        max_texts: At most so many attempts of one prompt, the first ones.
        verify: Grade the merged verdict and correction, when the run has a grader.
        temperature: Temperature of sampling; None for the provider's default.
        max_output_tokens: Upper bound on the tokens of one reply, hidden reasoning included.
        seed: Seed, for teachers that honour seeds.
        show_reference: Show the teacher the right answer (marked as such).
        repairs: How often a reply that cannot be read is sent back with the reason: 0 or 1.
        template: Text file with another prompt template; copy teachers/annotators/templates/merged_critique.txt.
    """

    kind = "merged_critique"

    def __init__(
        self,
        critiques: str | None = None,
        min_critiques: int = 2,
        max_texts: int = 1,
        verify: bool = True,
        temperature: float | None = 0.0,
        max_output_tokens: int = 1536,
        seed: int | None = None,
        show_reference: bool = False,
        repairs: int = 1,
        template: str | None = None,
    ) -> None:
        super().__init__(
            critiques,
            max_texts,
            temperature=temperature,
            max_output_tokens=max_output_tokens,
            seed=seed,
            show_reference=show_reference,
            repairs=repairs,
            verify=verify,
            template=template,
        )
        self.min_critiques = min_critiques

    def check(self, grader: Grader | None) -> None:
        """Refuse settings that cannot work.

        Raises:
            ConfigError: No critique would be enough.
        """
        super().check(grader)
        if self.min_critiques < 1:
            raise ConfigError(
                f"min_critiques is {self.min_critiques}; at least 1 critique is needed to write another. "
                "2 is usual: raise it."
            )

    def parse(self, completion: Completion, prompt: Prompt) -> Fields:
        """Read the judgements "Critique k: ...", the section "Merged critique:" and its last lines."""
        return read_merged(completion.text)

    def marked(self, annotation: Annotation, grader: Grader, prompt: Prompt) -> Annotation:
        """Mark the verdict and the corrected answer."""
        return marked_critique(annotation, grader, prompt)

    def groups(self, critiques: Sequence[Annotation]) -> list[Critiqued]:
        """Return the attempts with all their critiques."""
        by_attempt: dict[str, list[Annotation]] = {}
        for critique in critiques:
            if critique.kind.partition(".")[0] == "critique":
                by_attempt.setdefault(critique.subject or "", []).append(critique)
        return [
            Critiqued(attempt, tuple(found))
            for attempt, found in by_attempt.items()
            if len(found) >= self.min_critiques
        ]

    def group_request(self, prompt: Prompt, group: Critiqued, sample: int) -> Request:
        """Make the request that asks about the critiques of one attempt."""
        texts = [f"{critique.text}\nVerdict: {critique.answer}" for critique in group.critiques]
        steps = numbered(steps_of(group.attempt))
        return self.request(prompt, self.build(prompt, attempt=group.attempt, steps=steps, critiques=texts), sample)

    async def one(self, asking: Asking, group: Critiqued, sample: int) -> Annotation:
        """Ask about the critiques of one attempt."""
        found = await self.asked(
            asking,
            self.group_request(asking.prompt, group, sample),
            group.attempt,
            lambda completion, _: read_merged(completion.text, group.attempt, len(group.critiques)),
        )
        found = replace(found, saw_reference=found.saw_reference or any(c.saw_reference for c in group.critiques))
        found = discreet(found, asking.prompt)
        return replace(found, data={**found.data, "merged": [origin(critique) for critique in group.critiques]})


def read_merged(text: str, attempt: str | None = None, count: int | None = None) -> Fields:
    """Read the judgements and the merged critique.

    Args:
        text: The reply.
        attempt: The work that is judged; None where it is not known.
        count: How many critiques were shown; None for as many as are named.

    Raises:
        ParseProblem: A judgement is missing or unknown, or there is no merged critique that can be read.
    """
    marks = list(MERGED.finditer(text))
    if not marks:
        raise ParseProblem('no section "Merged critique: ..."')
    judged = text[: marks[-1].start()]
    if count is None:
        count = max((int(number) for number in NAMED.findall(judged)), default=1)
    judgements = [choice_label(judged, f"Critique {k}", JUDGEMENTS)[1] for k in range(1, count + 1)]
    fields = read_critique(text[marks[-1].end() :], attempt)
    return replace(fields, data={**fields.data, "judgements": judgements})
