"""The records that cross floors: prompts, annotations, lessons, attempts and grades.

All are frozen dataclasses of plain values, so they compare by content and survive a trip through Parquet unchanged.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

__all__ = ["Annotation", "Attempt", "Grade", "Lesson", "Message", "Prompt", "Provenance", "Role"]

Role = Literal["system", "user", "assistant"]


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a conversation."""

    role: Role
    """Who speaks."""
    content: str
    """What is said, as plain text."""


@dataclass(frozen=True, slots=True)
class Prompt:
    """One item of the input: what a teacher explains and a student learns to answer."""

    id: str
    """Unique within a course."""
    messages: tuple[Message, ...]
    """The conversation up to, and without, the answer. The last message is the user's."""
    reference: str | None = None
    """The right answer, if known. Teachers do not see it unless an annotator says so; graders do."""
    choices: tuple[str, ...] = ()
    """The options of a multiple-choice question, in order; empty for free answers."""
    topic: str | None = None
    """A group label for reports and mixtures."""
    difficulty: float | None = None
    """The difficulty the data came with, in the data's own unit; larger is harder."""
    metadata: Mapping[str, Any] = field(default_factory=dict)
    """Anything else, JSON values only. Graders may read it (reasoning-gym's scorer does)."""

    @property
    def question(self) -> str:
        """The content of the last user message."""
        return self.messages[-1].content


@dataclass(frozen=True, slots=True)
class Grade:
    """The mark of one answer."""

    correct: bool
    """Whether the answer counts as right."""
    score: float
    """Partial credit in [0, 1]; 1.0 for right answers."""
    answer: str | None
    """The final answer as the grader read it; None when it found none."""
    grader: str
    """Name and version of the grader, for example "number/1"."""
    reason: str | None = None
    """Why the answer is wrong or could not be read; None when right."""


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where a text came from and what it cost."""

    teacher: str
    """Name of the backend's class or of the recording, for example "OpenAIBackend"."""
    model: str
    """The model asked, for example "gpt-5-mini"."""
    template: str
    """Name and version of the prompt template, for example "rationale/1"."""
    request_key: str
    """The ledger's key of the call: hex digest."""
    input_tokens: int | None = None
    """Tokens the teacher read, as billed; None when not reported."""
    output_tokens: int | None = None
    """Tokens the teacher wrote, as billed; None when not reported."""
    cost_dollars: float | None = None
    """Price of the call in US dollars; None when the price is not known (never 0 for unknown)."""
    finish_reason: str | None = None
    """How the completion ended: "stop", "length", "refusal" ..."""


@dataclass(frozen=True, slots=True)
class Annotation:
    """One thing a teacher wrote about a prompt."""

    prompt_id: str
    """The prompt it is about."""
    kind: str
    """What it is: "rationale", "critique", "difficulty", "answer" ..."""
    sample: int
    """0-based number of the ask for this prompt and kind; rejection sampling counts on."""
    text: str
    """What was written, after parsing (a rationale without its final answer line)."""
    provenance: Provenance
    """Who wrote it, by which call, at what price."""
    answer: str | None = None
    """The final answer given in it, if it has one."""
    value: float | None = None
    """The number given in it, if it is a label (difficulty in [0, 1])."""
    subject: str | None = None
    """What it is about besides the prompt: the attempt that a critique judges."""
    problem: str | None = None
    """Why the reply could not be parsed; None when it could. An annotation with a problem is never trained on."""
    grade: Grade | None = None
    """The mark of `answer` against the prompt's reference; None when it was not graded."""
    saw_reference: bool = False
    """Whether the teacher was shown the reference answer."""
    data: Mapping[str, Any] = field(default_factory=dict)
    """Typed fields beyond text, answer and value, JSON values only; each annotator's docstring names its own."""

    @property
    def trusted(self) -> bool:
        """Whether it may be trained on by default: it parsed, and it was not graded wrong."""
        return self.problem is None and (self.grade is None or self.grade.correct)


@dataclass(frozen=True, slots=True)
class Lesson:
    """A prompt joined with the annotations chosen for training."""

    id: str
    """The prompt's id, or "prompt-id#k" for the k-th of several targets (rationales, critiques) of one prompt."""
    prompt: Prompt
    """What the student is asked."""
    annotations: tuple[Annotation, ...] = ()
    """At most one annotation of each kind."""
    written: Sequence[Annotation] = field(default=(), compare=False, repr=False)
    """Everything that was written about the prompt, by kind and sample: also further samples, and what is not trusted.
    For views that set texts against each other; what is learnt from comes from `annotations`."""

    def annotation(self, kind: str) -> Annotation | None:
        """Return the annotation of this kind, or None."""
        return next((a for a in self.annotations if a.kind == kind), None)


@dataclass(frozen=True, slots=True)
class Attempt:
    """One answer to a prompt by a model under examination, with its mark."""

    prompt_id: str
    """The prompt it answers."""
    author: str
    """Which model wrote it."""
    text: str
    """The whole answer, as generated."""
    sample: int = 0
    """0-based number of the try."""
    grade: Grade | None = None
    """The mark; None before grading."""
    tokens: int | None = None
    """Tokens generated, end-of-turn included."""
    truncated: bool = False
    """Whether generation hit its token limit."""
