"""What the one retry layer asks after each try of a call: can it heal, how long to wait, was it tried enough."""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING

from tenacity import RetryCallState

from lessons.errors import CallFailed, Stopped, StorageError
from teachers.backend import Fatal, RateLimited, Transient, Verdict
from teachers.ledger.ledger_records import Attempted

if TYPE_CHECKING:
    from teachers.calls.sending import Sender

__all__ = ["Tries"]


class Tries:
    """The tries of one call: what tenacity asks after each."""

    def __init__(self, sender: Sender, key: str) -> None:
        self.sender = sender
        self.key = key
        self.started = time.monotonic()
        self.sent = 0
        self.transient = 0
        self.refused = 0
        self.verdict: Verdict = Fatal()
        self.reason = ""

    def note(self, error: Exception) -> Verdict:
        """Classify an error of a call and list it in the ledger."""
        sender = self.sender
        self.verdict = sender.backend.classify(error)
        self.reason = sender.backend.redact(f"{type(error).__name__}: {error}")
        self.sent += 1
        self.transient += isinstance(self.verdict, Transient)
        self.refused += isinstance(self.verdict, RateLimited)
        sender.counts.failed_attempts += 1
        lost = isinstance(self.verdict, Transient | Fatal) and self.verdict.maybe_billed
        sender.ledger.put_attempt(self.key, sender.identity_json, Attempted(self.key, self.reason, lost))
        return self.verdict

    def can_heal(self, error: BaseException) -> bool:
        """Whether another try makes sense at all."""
        if isinstance(error, Stopped | StorageError) or not isinstance(error, Exception):
            return False
        return self.sender.run.stop_reason is None and not isinstance(self.verdict, Fatal)

    def used_up(self, state: RetryCallState) -> bool:
        """Whether there were enough tries."""
        if isinstance(self.verdict, RateLimited):
            return time.monotonic() - self.started > self.sender.limits.patience_seconds
        return self.transient >= self.sender.limits.attempts

    def wait_seconds(self, state: RetryCallState) -> float:
        """How long this call waits; where the provider says how long, all wait at the gate."""
        if isinstance(self.verdict, RateLimited) and self.verdict.wait_seconds is not None:
            return 0.0
        limits, tries = self.sender.limits, self.refused if isinstance(self.verdict, RateLimited) else self.transient
        longest = min(limits.longest_wait_seconds, limits.first_wait_seconds * 2 ** min(tries - 1, 16))
        return float(random.uniform(0.5, 1.0) * longest)

    def failure(self, error: Exception) -> CallFailed:
        """Describe a call that failed for good."""
        if isinstance(error, CallFailed):
            return error
        reason = self.reason or self.sender.backend.redact(f"{type(error).__name__}: {error}")
        tried = f"after {self.transient} tries" if self.transient > 1 else "and trying again would not help"
        failure = CallFailed(
            f"The teacher {self.sender.backend.model!r} did not answer ({tried}): {reason[:2000]} "
            "Everything answered so far is in the ledger; correct the cause and run again."
        )
        failure.attempts = self.sent
        return failure
