"""What passes between an annotator and the run: the prompt it works on, whom to ask, and what a parser found."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from lessons.grading import Grader
from lessons.records import Annotation, Prompt
from teachers.annotators.roll import Roll
from teachers.backend import Completion, Request, TeacherBackend
from teachers.calls.reply import Reply
from teachers.calls.together import together

__all__ = ["Asking", "Fields", "ParseProblem", "Reader", "parsed", "without_lone_surrogates"]


class ParseProblem(Exception):
    """A completion does not have the asked form; the text says why. It becomes the annotation's `problem`."""


@dataclass(frozen=True, slots=True)
class Fields:
    """What a parser found in a completion."""

    text: str
    """The text without its last, formal line."""
    answer: str | None = None
    """The final answer, verdict or label as written."""
    value: float | None = None
    """The label as a number."""
    data: Mapping[str, Any] = field(default_factory=dict)
    """Further typed fields, JSON values only."""


Reader = Callable[[Completion, Prompt], Fields]


class Asking(NamedTuple):
    """What an annotator needs while it works on one prompt."""

    prompt: Prompt
    """The prompt."""
    ask: Callable[[Request], Awaitable[Reply]]
    """Asks the teacher; see `Caller.ask`."""
    teacher: str
    """Name of the backend's class."""
    model: str
    """The model asked."""
    grader: Grader | None
    """Marks answers; None when the run has no grader."""
    earlier: Sequence[Annotation]
    """What the annotators before this one wrote about the prompt."""
    roll: Roll | None = None
    """What this annotator knows of the whole run (`Annotator.roll`); None when it keeps none."""
    through: Callable[[TeacherBackend], Asking] | None = None
    """Returns the same with another model to ask: one of the annotator's `backends`."""
    bundled: Callable[[Sequence[Request]], Awaitable[list[Reply]]] | None = None
    """Asks for samples of one question at once; see `Caller.ask_samples`. None: each is a call of its own."""

    def refuse_ungradable(self) -> None:
        """Refuse a prompt that the run's grader cannot grade: better now than after the teacher was paid.

        Raises:
            DataError: The prompt has no reference, and the grader needs one.
        """
        if self.grader is not None and self.prompt.reference is None:
            self.grader.grade("", self.prompt)

    async def ask_samples(self, requests: Sequence[Request]) -> list[Reply]:
        """Return the replies to requests that differ only in their sample number, drawn by as few calls as possible."""
        if self.bundled is not None:
            return await self.bundled(requests)
        return await together([self.ask(request) for request in requests])


def parsed(completion: Completion, prompt: Prompt, read: Reader) -> tuple[Fields, str | None]:
    """Return what a parser finds in a completion, and None or the reason why it cannot be read."""
    completion = completion._replace(text=without_lone_surrogates(completion.text))
    unread = Fields(completion.text.strip())
    if completion.finish_reason == "length":
        return unread, f"cut off at the token limit ({completion.output_tokens} tokens written)"
    if completion.finish_reason == "refusal":
        return unread, "refused by the teacher"
    try:
        return read(completion, prompt), None
    except ParseProblem as error:
        return unread, str(error)


def without_lone_surrogates(text: str) -> str:
    """Replace halves of characters, which models do emit and no file can hold."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
