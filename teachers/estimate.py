"""What a distill run would take, before it is started: calls, tokens, dollars. Spends nothing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

from lessons.grading import Grader
from lessons.records import Prompt
from teachers.annotators.base import Annotator
from teachers.backend import Request, TeacherBackend
from teachers.budget import Budget, worst_case
from teachers.distillation import check_settings
from teachers.ledger import Ledger
from teachers.limits import Limits
from teachers.pricing import Price
from teachers.request_keys import RequestKeys, request_json

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
    """Calls if every prompt needs as many asks as allowed (retries of failed calls not counted)."""
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


def estimate(
    prompts: Iterable[Prompt],
    teacher: TeacherBackend,
    annotators: Sequence[Annotator],
    grader: Grader | None,
    ledger: str | Path,
    limits: Limits | None = None,
    budget: Budget | None = None,
) -> Estimate:
    """Estimate a distill run without making a call. The arguments are those of `distill`.

    Raises:
        ConfigError: The settings contradict each other.
        UnknownPrice: A dollar budget for a teacher whose price is not known.
    """
    check_settings(teacher, annotators, grader, limits or Limits(), budget or Budget())
    keys, price = RequestKeys(teacher.identity), teacher.price
    result = Estimate()
    if price is not None:
        result.dollars = result.dollars_at_most = 0.0
    with Ledger(ledger) if Path(ledger).exists() else nullcontext() as opened:
        mean_output = None
        if opened is not None:
            known = opened.totals(keys.identity_json)
            if known.replies >= ENOUGH_REPLIES:
                mean_output = known.output_tokens / known.replies
        result.measured_output = mean_output is not None
        for prompt in prompts:
            result.prompts += 1
            for annotator in annotators:
                add(result, annotator, prompt, keys, opened, price, mean_output)
    return result


def add(
    result: Estimate,
    annotator: Annotator,
    prompt: Prompt,
    keys: RequestKeys,
    ledger: Ledger | None,
    price: Price | None,
    mean_output: float | None,
) -> None:
    """Add what one annotator would ask about one prompt."""
    sure, most = annotator.foresee(prompt)
    missing = [r for r in sure if ledger is None or keys.key(request_json(r)) not in ledger]
    further = most - (len(sure) - len(missing))
    result.in_ledger += len(sure) - len(missing)
    result.calls += len(missing)
    result.calls_at_most += further
    for request in missing:
        read, written = likely_tokens(request, mean_output)
        result.input_tokens += read
        result.output_tokens += written
        if price is not None and result.dollars is not None:
            result.dollars += price.cost(read, written)
    example = annotator.example(prompt)
    if example is not None and further:
        worst = worst_case(example, price)
        result.tokens_at_most += further * worst.tokens
        if result.dollars_at_most is not None:
            result.dollars_at_most += further * worst.dollars


def likely_tokens(request: Request, mean_output: float | None) -> tuple[int, int]:
    """Return the tokens that one call likely reads and writes."""
    size = sum(len(message.content.encode("utf-8", "surrogatepass")) for message in request.messages)
    written = request.sampling.max_output_tokens if mean_output is None else round(mean_output)
    return size // BYTES_PER_TOKEN + 8 * len(request.messages), written
