"""The request key: one digest of everything that decides a reply. The same key is used live and in batch."""

from __future__ import annotations

import json
from functools import lru_cache
from hashlib import blake2b
from json.encoder import encode_basestring as text

from teachers.exchange import JSON, Request

__all__ = ["RequestKeys", "request_json"]

encode = json.JSONEncoder(sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode


@lru_cache(maxsize=256, typed=True)  # typed: 0 and 0.0 are equal, and are not the same text
def sampling_json(*drawn: float | int | str | None) -> str:
    """Return how a completion is drawn as canonical JSON: four numbers, then the texts that end it."""
    return encode([*drawn[:4], list(drawn[4:])])


def request_json(request: Request) -> str:
    """Return a request as canonical JSON: what the key is made of and what the ledger keeps."""
    drawn = request.sampling
    if request.schema is None and not request.top_logprobs and request.continuation is None:
        # nearly every request, written in place: the keys below are in order, and this is asked for every prompt
        sampling = sampling_json(drawn.temperature, drawn.top_p, drawn.max_output_tokens, drawn.seed, *drawn.stop)
        turns = ",".join(f"[{text(message.role)},{text(message.content)}]" for message in request.messages)
        return f'{{"messages":[{turns}],"sample":{request.sample},"sampling":{sampling},"schema":null}}'
    fields: JSON = {
        "messages": [[message.role, message.content] for message in request.messages],
        "sampling": [drawn.temperature, drawn.top_p, drawn.max_output_tokens, drawn.seed, list(drawn.stop)],
        "schema": None if request.schema is None else dict(request.schema),
        "sample": request.sample,
    }
    if request.top_logprobs:  # left out where not used: ledgers from before these fields keep their keys
        fields["top_logprobs"] = request.top_logprobs
    if request.continuation is not None:
        fields["continuation"] = request.continuation
    return encode(fields)


class RequestKeys:
    """Computes the keys of one backend's requests.

    Args:
        identity: The backend's identity.
    """

    def __init__(self, identity: JSON) -> None:
        self.identity_json = encode(identity)
        self.start = blake2b(self.identity_json.encode() + b"\n", digest_size=20)  # 160 bits, 40 hex digits, like git

    def key(self, canonical: str) -> str:
        """Return the key (40 hex digits) of a request given as `request_json`."""
        digest = self.start.copy()
        digest.update(canonical.encode("utf-8", "surrogatepass"))
        return digest.hexdigest()
