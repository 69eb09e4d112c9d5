"""Several teachers in one run: a caller each, one ledger, one account, one stop."""

from __future__ import annotations

from teachers.backend import TeacherBackend
from teachers.budget import Budget
from teachers.caller import Caller, Counts
from teachers.ledger import Ledger
from teachers.limits import Limits
from teachers.request_keys import RequestKeys
from teachers.run_state import RunState

__all__ = ["Callers"]


class Callers:
    """The callers of one run, one for each backend. Used from one event loop, with an open ledger.

    Two backends with the same identity are one teacher: they share a caller, so that no question is paid twice.

    Args:
        ledger: Where replies are kept.
        limits: How hard each teacher may be worked.
        budget: What the run may take at most, all teachers together.
    """

    def __init__(self, ledger: Ledger, limits: Limits | None = None, budget: Budget | None = None) -> None:
        self.ledger = ledger
        self.limits = limits or Limits()
        self.run = RunState(budget)
        self.by_identity: dict[str, Caller] = {}
        self.by_backend: dict[int, tuple[TeacherBackend, Caller]] = {}

    def of(self, backend: TeacherBackend) -> Caller:
        """Return the caller of a backend."""
        known = self.by_backend.get(id(backend))
        if known is not None:
            return known[1]
        identity = RequestKeys(backend.identity).identity_json
        if identity not in self.by_identity:
            self.by_identity[identity] = Caller(backend, self.ledger, self.limits, run=self.run)
        self.by_backend[id(backend)] = backend, self.by_identity[identity]
        return self.by_identity[identity]

    @property
    def counts(self) -> Counts:
        """What all did so far."""
        return sum((caller.counts for caller in list(self.by_identity.values())), Counts())

    def stop(self, reason: Exception) -> None:
        """Send nothing more; calls under way may finish."""
        self.run.stop(reason)
