"""What a distill run would take, before it is started: calls, tokens, dollars. Spends nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from lessons.grading import Grader
from lessons.records import Prompt
from teachers.annotators.base import Annotator
from teachers.annotators.by import By
from teachers.annotators.prompt_calls import PromptCalls
from teachers.backend import Request, TeacherBackend
from teachers.batches.batching import Batches
from teachers.calls.budget import Budget, worst_case
from teachers.calls.limits import Limits
from teachers.calls.request_keys import RequestKeys, request_json
from teachers.distillation import check_settings
from teachers.ledger.ledger import Ledger

__all__ = ["Estimate", "estimate"]

BYTES_PER_TOKEN = 4  # of English text, for the likely size; the worst case counts a token a byte
ENOUGH_REPLIES = 20


@dataclass(slots=True)
class Estimate:
    """What a run would take. "At most" is the bound that a budget reserves; no run exceeds it."""

    prompts: int = 0
    """Prompts read."""
    calls: int = 0
    """Calls that are certain, beyond what the ledger holds."""
    calls_at_most: int = 0
    """Calls if every prompt needs as many asks as allowed, repairs included (retries of failed calls not counted)."""
    in_ledger: int = 0
    """Certain requests that are answered already."""
    input_tokens: int = 0
    """Tokens that the certain calls read, about."""
    output_tokens: int = 0
    """Tokens that the certain calls write: as many as the ledger's replies of this teacher, else as many as allowed."""
    measured_output: bool = False
    """Whether `output_tokens` rests on the ledger's replies."""
    tokens_at_most: int = 0
    """Tokens read and written at the worst."""
    dollars: float | None = None
    """Dollars of the certain calls, about; None when the price is not known."""
    dollars_at_most: float | None = None
    """Dollars at the worst; None when the price is not known."""


class Forecaster:
    """Foretells what the calls of one teacher take, by its keys, its price and the length of its earlier replies.

    Args:
        teacher: The teacher.
        ledger: The open ledger; None when there is none yet.
        batched: Whether it is asked in batches.
    """

    def __init__(self, teacher: TeacherBackend, ledger: Ledger | None, batched: bool) -> None:
        self.keys = RequestKeys(teacher.identity)
        self.ledger = ledger
        self.price = teacher.price
        self.samples_per_call = max(1, teacher.samples_per_call)
        if batched and teacher.batch_api is not None:
            self.samples_per_call = 1
            self.price = None if self.price is None else self.price.scaled(teacher.batch_api.price_factor)
        self.mean_output: float | None = None
        if ledger is not None:
            known = ledger.totals(self.keys.identity_json)
            if known.replies >= ENOUGH_REPLIES:
                self.mean_output = known.output_tokens / known.replies

    def missing(self, requests: Sequence[Request]) -> list[Request]:
        """Return the requests that the ledger does not answer."""
        if self.ledger is None:
            return list(requests)
        return [request for request in requests if self.keys.key(request_json(request)) not in self.ledger]

    def calls(self, requests: Sequence[Request]) -> list[tuple[Request, int]]:
        """Return the calls for some requests: samples of one question share them as far as the teacher allows."""
        alike: dict[str, list[Request]] = {}
        for request in requests:
            alike.setdefault(request_json(replace(request, sample=0)), []).append(request)
        size = self.samples_per_call
        return [
            (group[0], len(group[start : start + size]))
            for group in alike.values()
            for start in range(0, len(group), size)
        ]

    def likely_tokens(self, request: Request, samples: int) -> tuple[int, int]:
        """Return the tokens that one call likely reads and writes."""
        size = sum(len(message.content.encode("utf-8", "surrogatepass")) for message in request.messages)
        written = request.sampling.max_output_tokens if self.mean_output is None else round(self.mean_output)
        return size // BYTES_PER_TOKEN + 8 * len(request.messages), samples * written


def estimate(
    prompts: Iterable[Prompt],
    teacher: TeacherBackend,
    annotators: Sequence[Annotator],
    grader: Grader | None,
    ledger: str | Path,
    limits: Limits | None = None,
    budget: Budget | None = None,
    batches: Batches | None = None,
) -> Estimate:
    """Estimate a distill run without making a call. The arguments are those of `distill`.

    Raises:
        ConfigError: The settings contradict each other.
        UnknownPrice: A dollar budget for a teacher whose price is not known.
    """
    check_settings(teacher, annotators, grader, limits or Limits(), budget or Budget(), batches)
    result = Estimate()
    with Ledger(ledger) if Path(ledger).exists() else nullcontext() as opened:
        asked = [*(asked_by(annotator, teacher) for annotator in annotators), *others_of(annotators)]
        known = {id(backend): Forecaster(backend, opened, batches is not None) for backend in asked}
        if all(forecaster.price is not None for forecaster in known.values()):
            result.dollars = result.dollars_at_most = 0.0
        result.measured_output = all(forecaster.mean_output is not None for forecaster in known.values())
        for prompt in prompts:
            result.prompts += 1
            for calls in calls_about(prompt, teacher, annotators):
                add(result, calls, known[id(calls.backend)])
    return result


def asked_by(annotator: Annotator, teacher: TeacherBackend) -> TeacherBackend:
    """Return the teacher that an annotator asks."""
    return annotator.teacher if isinstance(annotator, By) else teacher


def others_of(annotators: Sequence[Annotator]) -> list[TeacherBackend]:
    """Return the further models that annotators ask besides their teacher."""
    inner = [annotator.annotator if isinstance(annotator, By) else annotator for annotator in annotators]
    return [backend for annotator in inner for backend in annotator.backends]


def calls_about(prompt: Prompt, teacher: TeacherBackend, annotators: Sequence[Annotator]) -> Iterator[PromptCalls]:
    """Yield what each model would be asked about one prompt, annotator by annotator."""
    written: dict[str, int] = {}
    for annotator in annotators:
        sure, most = annotator.foresee(prompt)
        yield PromptCalls(asked_by(annotator, teacher), sure, most, partial(annotator.example, prompt))
        yield from annotator.foresee_others(prompt, written)
        written[annotator.kind] = most


def add(result: Estimate, calls: PromptCalls, forecaster: Forecaster) -> None:
    """Add what one model would be asked about one prompt."""
    missing = forecaster.missing(calls.sure)
    known = len(calls.sure) - len(missing)
    further = calls.most - known
    result.in_ledger += known
    result.calls_at_most += further
    for request, samples in forecaster.calls(missing):
        read, written = forecaster.likely_tokens(request, samples)
        result.calls += 1
        result.input_tokens += read
        result.output_tokens += written
        if forecaster.price is not None and result.dollars is not None:
            result.dollars += forecaster.price.cost(read, written)
    largest = calls.largest() if further else None
    if largest is not None:
        worst = worst_case(largest, forecaster.price)
        result.tokens_at_most += further * worst.tokens
        if result.dollars_at_most is not None:
            result.dollars_at_most += further * worst.dollars
