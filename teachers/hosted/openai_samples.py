"""One call that drew several samples (the field n), told apart into one whole reply each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from teachers.exchange import JSON

__all__ = ["shares", "split"]


def split(raw: JSON) -> list[JSON]:
    """Return one whole reply for every choice; their usage adds up to the bill.

    What was read is counted in the first. What was written is known only in total: it is shared by the number of
    tokens where log-probabilities list them, else by the length of the texts, and the replies say so ("shared").
    """
    if len(raw["choices"]) == 1:
        return [raw]
    choices = sorted(raw["choices"], key=lambda choice: choice.get("index") or 0)
    usage = raw.get("usage")
    weights = [weight(choice) for choice in choices]
    whole = [{**raw, "choices": [choice], "shared": True} for choice in choices]
    if not usage:
        return whole
    written = shares(usage.get("completion_tokens") or 0, weights)
    details = usage.get("completion_tokens_details") or {}
    detail_shares = {name: shares(count, written) for name, count in details.items() if isinstance(count, int)}
    for number, (reply, tokens) in enumerate(zip(whole, written, strict=True)):
        read_tokens = 0 if number else usage.get("prompt_tokens") or 0
        own: dict[str, Any] = {
            "prompt_tokens": read_tokens,
            "completion_tokens": tokens,
            "total_tokens": read_tokens + tokens,
        }
        if not number and usage.get("prompt_tokens_details"):
            own["prompt_tokens_details"] = usage["prompt_tokens_details"]
        if detail_shares:
            own["completion_tokens_details"] = {name: counts[number] for name, counts in detail_shares.items()}
        reply["usage"] = own
    return whole


def weight(choice: JSON) -> int:
    """Return how much of the tokens written one choice took, in any unit."""
    listed = (choice.get("logprobs") or {}).get("content")
    if listed:
        return len(listed)
    message = choice["message"]
    texts = (
        message.get("content"),
        message.get("refusal"),
        message.get("reasoning_content") or message.get("reasoning"),
    )
    return sum(len(text) for text in texts if text)


def shares(total: int, weights: Sequence[int]) -> list[int]:
    """Share a whole number by weights, so that the shares add up to it exactly (the largest remainders get the rest).

    >>> shares(10, [1, 1, 1]), shares(7, [0, 0]), shares(5, [3, 1])
    ([4, 3, 3], [4, 3], [4, 1])
    """
    scale = sum(weights)
    if not scale:
        weights, scale = [1] * len(weights), len(weights)
    shared = [total * weight // scale for weight in weights]
    by_remainder = sorted(range(len(weights)), key=lambda k: (-(total * weights[k] % scale), k))
    for k in by_remainder[: total - sum(shared)]:
        shared[k] += 1
    return shared
