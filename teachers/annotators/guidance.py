"""Solution guidance: how to understand a task and which steps to take, without carrying them out."""

from __future__ import annotations

from lessons.records import Annotation, Prompt
from teachers.annotators.asking import Asking, Fields
from teachers.annotators.base import Annotator
from teachers.annotators.numbered import numbered, numbered_list
from teachers.annotators.secrecy import kept_secret
from teachers.annotators.sections import sections
from teachers.exchange import Completion

__all__ = ["GuidanceAnnotator"]


class GuidanceAnnotator(Annotator):
    """Asks for solution guidance: an understanding of the task and a plan of steps, with nothing computed.

    After Solution Guidance Fine-Tuning (Bi et al. 2024, arXiv:2412.09906, unchecked; our reading): one student learns
    to write guidance, and any other student answers with the guidance in its prompt. `data` has the `understanding` and
    the `plan` (a list). Guidance that states the reference answer is kept, marked and not trusted.

    Args:
        temperature: Temperature of sampling; None for the provider's default.
        max_output_tokens: Upper bound on the tokens of one reply, hidden reasoning included.
        seed: Seed, for teachers that honour seeds.
        show_reference: Show the teacher the right answer, to be used and not stated (marked as such).
        repairs: How often a reply that cannot be read is sent back with the reason: 0 or 1.
        template: Text file with another prompt template; copy teachers/annotators/templates/guidance.txt.
    """

    kind = "guidance"

    def __init__(
        self,
        temperature: float | None = 0.0,
        max_output_tokens: int = 768,
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
        """Read the sections "Understanding: ..." and "Plan: ..."."""
        understanding, listed = sections(completion.text, "Understanding", "Plan")
        plan = numbered_list(listed)
        data = {"understanding": understanding, "plan": plan}
        return Fields(f"Understanding: {understanding}\nPlan:\n{numbered(plan)}", data=data)

    async def annotate(self, asking: Asking) -> list[Annotation]:
        """Ask once and check that the answer is not given away."""
        (found,) = await super().annotate(asking)
        return [kept_secret(found, asking.prompt)]
