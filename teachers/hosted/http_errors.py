"""What the HTTP errors of both hosted providers mean: one reading of status codes and of Retry-After."""

from __future__ import annotations

import email.utils
import json
import os
import socket
import time
from collections.abc import Callable, Mapping
from urllib.parse import urlsplit

from lessons.errors import ConfigError, MissingSecret
from teachers.backend import JSON, Fatal, RateLimited, Transient, Verdict

__all__ = [
    "FailedReply",
    "MalformedReply",
    "NotHonoured",
    "checked_body",
    "classify_status",
    "endpoint",
    "never_connected",
    "own",
    "read_secret",
    "redact_secret",
    "retry_after_seconds",
]

EVERYWHERE = frozenset(
    {401, 402, 403, 404}
)  # key, payment, permission, unknown model or address: no request gets through
HEALING = frozenset({408, 409, 425, 500, 502, 503, 504, 520, 521, 522, 523, 524})
GAVE_UP_WAITING = frozenset({504, 524})  # a gateway did; the model behind it may have answered, and charged
OVERLOADED = 529
EMPTY_ACCOUNT = (
    "insufficient_quota",
    "billing_hard_limit_reached",
    "credit balance is too low",
    "reached your specified API usage limits",
)
"""What an empty account is told, with status 429 or 400; no waiting heals it, and no request gets through."""
NEVER_CONNECTED = frozenset(
    {
        "ClientConnectorError",
        "ClientConnectorDNSError",
        "ClientConnectorSSLError",
        "ClientConnectorCertificateError",
        "ConnectionTimeoutError",
    }
)
"""aiohttp's names. Not httpx2's ConnectError and ConnectTimeout: its aiohttp transport raises them also for a
connection that was reset after the request was sent, and such a call may have been charged."""
LARGER_THAN_THE_LIMIT = "Request too large"  # OpenAI's 429 for one request above a whole minute's tokens


class MalformedReply(Exception):
    """The reply breaks the wire format: not JSON, or a body without an answer. It may have been billed."""


class NotHonoured(Exception):
    """The reply leaves out what was asked for; the server would leave it out again."""


class FailedReply(Exception):
    """A reply with status 200 that reports a failure of its own."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code


def own(raw: JSON, field: str, wanted: str) -> JSON:
    """Return a reply that names what was asked about; one about something else was meant for another call.

    Raises:
        MalformedReply: It is about something else. A reply delivered twice can come in the place of the next one.
    """
    if raw.get(field) != wanted:
        raise MalformedReply(f"the reply is about {raw.get(field)!r}, the question was about {wanted!r}")
    return raw


def classify_status(status: int, headers: Mapping[str, str], text: str) -> Verdict:
    """Say what an HTTP error status means."""
    if status in (400, 429) and any(words in text for words in EMPTY_ACCOUNT):
        return Fatal(everywhere=True)
    if status == 429 and LARGER_THAN_THE_LIMIT in text:
        return Fatal()
    if status in (429, OVERLOADED):
        return RateLimited(retry_after_seconds(headers))
    if status in HEALING:
        wait = retry_after_seconds(headers)
        return Transient(maybe_billed=status in GAVE_UP_WAITING) if wait is None else RateLimited(wait)
    return Fatal(everywhere=status in EVERYWHERE)


def checked_body(content: bytes, required: str, may_be_empty: bool = False, redact: Callable[[str], str] = str) -> JSON:
    """Parse the body of a reply; one without an answer is an error, not a reply to be kept.

    Args:
        content: The body.
        required: A field it must have.
        may_be_empty: Whether an empty list will do.
        redact: Removes secrets from what an error shows of the body.

    Raises:
        MalformedReply: It is not JSON, or lacks the field.
    """
    try:
        raw = json.loads(content)
    except ValueError as error:
        raise MalformedReply(f"the body is not JSON ({error}): {beginning(content, redact)}") from error
    if not isinstance(raw, dict) or not (required in raw if may_be_empty else raw.get(required)):
        raise MalformedReply(f"the body has no {required!r}: {beginning(content, redact)}")
    return raw


def beginning(content: bytes, redact: Callable[[str], str]) -> str:
    """Show how a body begins. Redacted before it is cut: half a key is a secret too."""
    return repr(redact(content.decode("utf-8", "replace"))[:200])


def never_connected(error: BaseException) -> bool:
    """Whether a connection was never made, so that nothing can have been billed."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ConnectionRefusedError | socket.gaierror) or type(cause).__name__ in NEVER_CONNECTED:
            return True
        cause = cause.__cause__ or cause.__context__
    return False


def retry_after_seconds(headers: Mapping[str, str]) -> float | None:
    """Read Retry-After (seconds or a date) or OpenAI's retry-after-ms; None when absent or unreadable.

    >>> retry_after_seconds({"retry-after": "1.5"}), retry_after_seconds({"retry-after-ms": "250"})
    (1.5, 0.25)
    """
    try:
        if "retry-after-ms" in headers:
            return max(0.0, float(headers["retry-after-ms"]) / 1000)
        value = headers.get("retry-after")
        if value is None:
            return None
        try:
            return max(0.0, float(value))
        except ValueError:
            return max(0.0, email.utils.parsedate_to_datetime(value).timestamp() - time.time())
    except (ValueError, TypeError):
        return None


def read_secret(variable: str, backend: str) -> str:
    """Return the key that an environment variable holds.

    Raises:
        MissingSecret: It is unset or empty.
    """
    secret = os.environ.get(variable, "").strip()
    if not secret:
        raise MissingSecret(
            f"The environment variable {variable} is not set; {backend} reads its key from it. "
            f"Keys are never written into configs. Run `export {variable}=...` and start again."
        )
    return secret


def redact_secret(text: str, secret: str | None) -> str:
    """Replace a key in a text."""
    return text.replace(secret, "***") if secret else text


def endpoint(base_url: str | None, default: str) -> str:
    """Return the address as it goes into request keys.

    Raises:
        ConfigError: It holds a user, a password or a query, which may be secrets.
    """
    if base_url is None:
        return default
    parts = urlsplit(base_url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.password or parts.query:
        shown = f"{parts.scheme}://{parts.hostname}{parts.path}" if parts.hostname else base_url
        raise ConfigError(
            f"base_url cannot be used: {shown} (shown without user, password and query). It must be an http or https "
            "address without a user, password or query, because it is stored with every call. "
            "Put keys into an environment variable and name it in api_key_variable."
        )
    return base_url.rstrip("/")
