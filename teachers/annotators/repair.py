"""One bounded repair: an unreadable reply goes back to the teacher with the reason."""

from __future__ import annotations

from dataclasses import replace

from lessons.records import Message, Provenance
from teachers.exchange import Request

__all__ = ["largest_repair", "repair_request", "sum_known"]

BYTES_PER_TOKEN = 4  # of English text
LONG_PROBLEM = 200
AGAIN = (
    "Your reply could not be read: {problem}. "
    "Write the whole reply again, with the same content, in exactly the form that was asked for."
)


def repair_request(request: Request, text: str, problem: str) -> Request:
    """Return the request that goes on where an unreadable reply ended."""
    again = Message("user", AGAIN.format(problem=problem))
    said = (Message("assistant", text),) if text.strip() else ()  # providers refuse empty turns
    return replace(request, messages=(*request.messages, *said, again))


def largest_repair(request: Request) -> Request:
    """Return the repair of a reply of full length, for estimates: no repair is larger, as texts go."""
    return repair_request(request, "x" * (request.sampling.max_output_tokens * BYTES_PER_TOKEN), "x" * LONG_PROBLEM)


def sum_known(last: Provenance, earlier: Provenance) -> Provenance:
    """Add the tokens and dollars of an earlier call; what is unknown in one stays unknown in the sum."""
    return replace(
        last,
        input_tokens=total(last.input_tokens, earlier.input_tokens),
        output_tokens=total(last.output_tokens, earlier.output_tokens),
        cost_dollars=dollars(last.cost_dollars, earlier.cost_dollars),
    )


def total(one: int | None, other: int | None) -> int | None:
    """Add two counts; None when either is not known.

    >>> total(1, 2), total(1, None)
    (3, None)
    """
    return None if one is None or other is None else one + other


def dollars(one: float | None, other: float | None) -> float | None:
    """Add two sums of money; None when either is not known."""
    return None if one is None or other is None else one + other
