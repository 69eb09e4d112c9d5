"""What every annotator is: a template, a strict parser, and how often to ask."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any

from lessons.errors import ConfigError
from lessons.grading import Grader
from lessons.records import Annotation, Message, Prompt, Provenance
from teachers.annotators.asking import Asking, Fields, ParseProblem, Reader, parsed
from teachers.annotators.prompt_calls import PromptCalls
from teachers.annotators.repair import largest_repair, repair_request, sum_known
from teachers.annotators.roll import Roll
from teachers.annotators.template import Template
from teachers.backend import Completion, Request, Sampling, TeacherBackend
from teachers.calls.caller import Reply
from teachers.calls.together import together

__all__ = ["Annotator", "Asking", "Fields", "ParseProblem", "Reader", "together"]


class Annotator(ABC):
    """Asks a teacher for one kind of annotation. Subclasses set `kind`, parse, and say how to ask if not just once.

    Args:
        temperature: Temperature of sampling; None for the provider's default.
        top_p: Share of the probability mass to draw from.
        max_output_tokens: Upper bound on the tokens of one reply, hidden reasoning included.
        seed: Seed of the first sample, for teachers that honour seeds; sample k uses seed + k.
        show_reference: Whether the teacher sees the reference answer.
        repairs: How often a reply that cannot be read is sent back with the reason: 0 or 1.
        verify: Whether the run's grader marks what is written, as `marked` says.
        template: Text file with the prompt template; None for the shipped one.
    """

    kind: str
    """The kind of annotation, also the name of the shipped template."""
    needs: frozenset[str] = frozenset({"text"})
    """What the backend must give."""

    def __init__(
        self,
        *,
        temperature: float | None = 0.0,
        top_p: float = 1.0,
        max_output_tokens: int = 1024,
        seed: int | None = None,
        show_reference: bool = False,
        repairs: int = 1,
        verify: bool = False,
        template: str | None = None,
    ) -> None:
        self.temperature = temperature
        self.top_p = top_p
        self.max_output_tokens = max_output_tokens
        self.seed = seed
        self.show_reference = show_reference
        self.repairs = repairs
        self.verify = verify
        self.template = template

    @cached_property
    def sampling(self) -> Sampling:
        """How completions are drawn."""
        return Sampling(self.temperature, self.top_p, self.max_output_tokens, self.seed)

    @cached_property
    def wording(self) -> Template:
        """The prompt template, read from its file."""
        return Template(self.template, self.kind)

    @property
    def schema(self) -> Mapping[str, Any] | None:
        """JSON schema of the replies; None for free text."""
        return None

    @property
    def backends(self) -> tuple[TeacherBackend, ...]:
        """Models it asks besides the run's teacher; each is checked and prepared before the first call."""
        return ()

    @abstractmethod
    def parse(self, completion: Completion, prompt: Prompt) -> Fields:
        """Read a completion that ended by itself.

        Raises:
            ParseProblem: It does not have the asked form. Nothing else is ever raised.
        """

    async def annotate(self, asking: Asking) -> list[Annotation]:
        """Return all annotations of one prompt, untrusted ones included, in a fixed order: here, ask once."""
        return [await self.asked(asking, self.request(asking.prompt, self.build(asking.prompt), 0))]

    def foresee(self, prompt: Prompt) -> tuple[list[Request], int]:
        """Return the requests sure to be made for a prompt, and how many there may be in all: for estimates."""
        return [self.request(prompt, self.build(prompt), 0)], 1 + self.repairs

    def example(self, prompt: Prompt) -> Request | None:
        """Return a request of typical size for a prompt, for estimates; None when nothing is asked about it.

        Where replies are repaired it is the repair of a reply of full length, the largest there can be.
        """
        sure, most = self.foresee(prompt)
        if not sure or not most:
            return None
        return self.in_full(sure[-1])

    def foresee_others(self, prompt: Prompt, earlier: Mapping[str, int]) -> list[PromptCalls]:
        """Return what its further `backends` will be asked about a prompt, for estimates.

        Args:
            prompt: The prompt.
            earlier: At most how many annotations of each kind the annotators before it will have written.
        """
        return []

    def in_full(self, request: Request) -> Request:
        """Return the largest call that a request may come to: its repair, where replies are repaired."""
        return largest_repair(request) if self.repairs else request

    def roll(self) -> Roll | None:
        """Return a new record of one run, for annotators that compare prompts with each other; None for the others."""
        return None

    def lacking(self, earlier: Collection[str]) -> list[str]:
        """Return the kinds that it has to read and that no earlier annotator of the run (`earlier`: kinds) writes."""
        return []

    def check(self, grader: Grader | None) -> None:
        """Refuse settings that cannot work, before anything is sent. Reads the template.

        Raises:
            ConfigError: The settings contradict each other, or the template is wrong.
        """
        _ = self.wording.label
        if self.show_reference:
            self.wording.must_use("reference", "show_reference")
        if self.repairs not in (0, 1):
            raise ConfigError(
                f"repairs of {type(self).__name__} is {self.repairs}; it must be 0 or 1. A reply that is unreadable "
                "twice stays unreadable: ask another teacher, or make the template's form plainer."
            )
        if self.max_output_tokens < 1 or not 0 < self.top_p <= 1 or not (self.temperature or 0) >= 0:
            raise ConfigError(
                f"{type(self).__name__} got temperature={self.temperature}, top_p={self.top_p} and "
                f"max_output_tokens={self.max_output_tokens}; the temperature must be 0 or more, top_p above 0 and at "
                "most 1, and at least 1 token is needed for a reply. Correct the annotator's settings."
            )

    def build(self, prompt: Prompt, **more: Any) -> tuple[Message, ...]:
        """Return the messages that ask about a prompt."""
        return self.wording.messages(prompt, self.show_reference, **more)

    def request(
        self, prompt: Prompt, messages: tuple[Message, ...], sample: int, sampling: Sampling | None = None
    ) -> Request:
        """Make the request for one sample."""
        metadata = {"prompt": prompt, "kind": self.kind}
        return Request(messages, sampling or self.sampling, sample, self.schema, metadata=metadata)

    def marked(self, annotation: Annotation, grader: Grader, prompt: Prompt) -> Annotation:
        """Return what was read with its mark: here, that of its answer, where it has one."""
        if annotation.answer is None:
            return annotation
        return replace(annotation, grade=grader.grade(annotation.answer, prompt))

    async def asked(
        self, asking: Asking, request: Request, subject: str | None = None, read: Reader | None = None
    ) -> Annotation:
        """Ask one request and read the reply; if it cannot be read, send it back with the reason, `repairs` times.

        The annotation of a repaired reply carries the key of the last call and the tokens and dollars of both.
        `read` stands in for `parse` where more than the prompt decides what a reply may be.

        Raises:
            DataError: What is written is to be marked, and the prompt cannot be graded. Nothing was asked.
        """
        if self.verify:
            asking.refuse_ungradable()
        return await self.mended(asking, request, await asking.ask(request), subject, read)

    async def asked_samples(self, asking: Asking, requests: Sequence[Request]) -> list[Annotation]:
        """Ask several samples of one question at once, as `asked` does; those drawn alike come from shared calls."""
        if len(requests) == 1:
            return [await self.asked(asking, requests[0])]
        if self.verify:
            asking.refuse_ungradable()
        alike: dict[Sampling, list[int]] = {}
        for place, request in enumerate(requests):
            alike.setdefault(request.sampling, []).append(place)
        found: dict[int, Annotation] = {}

        async def draw(places: list[int]) -> None:
            drawn = [requests[place] for place in places]
            replies = await asking.ask_samples(drawn)
            read = [self.mended(asking, r, reply) for r, reply in zip(drawn, replies, strict=True)]
            found.update(zip(places, await together(read), strict=True))

        await together([draw(places) for places in alike.values()])
        return [found[place] for place in range(len(requests))]

    async def mended(
        self, asking: Asking, request: Request, reply: Reply, subject: str | None = None, read: Reader | None = None
    ) -> Annotation:
        """Read a reply; if it cannot be read, send it back with the reason, `repairs` times."""
        found = self.annotation(asking, request.sample, reply, subject, read)
        for _ in range(self.repairs):
            if found.problem is None or found.provenance.finish_reason != "stop":
                break
            request = repair_request(request, reply.completion.text, found.problem)
            reply, spent = await asking.ask(request), found.provenance
            found = self.annotation(asking, request.sample, reply, subject, read)
            found = replace(found, provenance=sum_known(found.provenance, spent))
        return found

    def annotation(
        self, asking: Asking, sample: int, reply: Reply, subject: str | None = None, read: Reader | None = None
    ) -> Annotation:
        """Turn a reply into an annotation, marked; what cannot be read becomes one with a problem."""
        completion = reply.completion
        fields, problem = parsed(completion, asking.prompt, read or self.parse)
        found = Annotation(
            prompt_id=asking.prompt.id,
            kind=self.kind,
            sample=sample,
            text=fields.text,
            answer=fields.answer,
            value=fields.value,
            subject=subject,
            data=fields.data,
            problem=problem,
            saw_reference=self.show_reference and asking.prompt.reference is not None,
            provenance=Provenance(
                teacher=asking.teacher,
                model=completion.answered_by or asking.model,
                template=self.wording.label,
                request_key=reply.key,
                input_tokens=completion.input_tokens,
                output_tokens=completion.output_tokens,
                cost_dollars=reply.cost_dollars,
                finish_reason=completion.finish_reason,
            ),
        )
        grader = asking.grader if self.verify else None
        return found if grader is None else self.marked(found, grader, asking.prompt)
