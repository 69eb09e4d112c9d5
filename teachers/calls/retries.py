"""What the one retry layer asks after each try of a call: can it heal, how long to wait, was it tried enough."""

from __future__ import annotations

import random
import time

from tenacity import RetryCallState

from lessons.errors import CallFailed, Stopped, StorageError
from teachers.backend import Fatal, RateLimited, TeacherBackend, Transient, Verdict
from teachers.calls.limits import Limits
from teachers.calls.run_state import RunState

__all__ = ["Tries"]

UNTRIED = Fatal()  # what no error has said anything else about


class Tries:
    """The tries of one call: what tenacity asks after each.

    Args:
        backend: Who says whether an error can heal.
        limits: How often to try, and how long to wait in between.
        run: What all calls share: it may be stopping.
    """

    def __init__(self, backend: TeacherBackend, limits: Limits, run: RunState) -> None:
        self.backend = backend
        self.limits = limits
        self.run = run
        self.started = time.monotonic()
        self.sent = 0
        self.transient = 0
        self.refused = 0
        self.verdict: Verdict = UNTRIED
        self.reason = ""

    def note(self, error: Exception) -> Verdict:
        """Classify an error of the call, and count it."""
        self.verdict = self.backend.classify(error)
        self.reason = self.backend.redact(f"{type(error).__name__}: {error}")
        self.sent += 1
        self.transient += isinstance(self.verdict, Transient)
        self.refused += isinstance(self.verdict, RateLimited)
        return self.verdict

    def can_heal(self, error: BaseException) -> bool:
        """Whether another try makes sense at all."""
        if isinstance(error, Stopped | StorageError) or not isinstance(error, Exception):
            return False
        return self.run.stop_reason is None and not isinstance(self.verdict, Fatal)

    def used_up(self, state: RetryCallState) -> bool:
        """Whether there were enough tries."""
        if isinstance(self.verdict, RateLimited):
            return time.monotonic() - self.started > self.limits.patience_seconds
        return self.transient >= self.limits.attempts

    def wait_seconds(self, state: RetryCallState) -> float:
        """How long this call waits; where the provider says how long, all wait at the gate."""
        if isinstance(self.verdict, RateLimited) and self.verdict.wait_seconds is not None:
            return 0.0
        limits, tries = self.limits, self.refused if isinstance(self.verdict, RateLimited) else self.transient
        longest = min(limits.longest_wait_seconds, limits.first_wait_seconds * 2 ** min(tries - 1, 16))
        return float(random.uniform(0.5, 1.0) * longest)

    def failure(self, error: Exception) -> CallFailed:
        """Describe a call that failed for good."""
        if isinstance(error, CallFailed):
            return error
        reason = self.reason or self.backend.redact(f"{type(error).__name__}: {error}")
        tried = f"after {self.transient} tries" if self.transient > 1 else "and trying again would not help"
        failure = CallFailed(
            f"The teacher {self.backend.model!r} did not answer ({tried}): {reason[:2000]} "
            "Everything answered so far is in the ledger; correct the cause and run again."
        )
        failure.attempts = self.sent
        return failure
