"""Several teachers in one run: a caller each, one ledger, one account, one stop."""

from __future__ import annotations

from lessons.errors import Stopped
from teachers.backend import TeacherBackend
from teachers.batches.batch_desk import BatchDesk
from teachers.batches.batching import Batches
from teachers.calls.budget import Budget
from teachers.calls.caller import Caller, Counts
from teachers.calls.limits import Limits
from teachers.calls.request_keys import RequestKeys
from teachers.calls.run_state import RunState
from teachers.ledger.ledger import Ledger

__all__ = ["Callers"]


class Callers:
    """The callers of one run, one for each backend. Used from one event loop, with an open ledger.

    Two backends with the same identity are one teacher: they share a caller, so that no question is paid twice.

    Args:
        ledger: Where replies are kept.
        limits: How hard each teacher may be worked.
        budget: What the run may take at most, all teachers together.
        batches: How batches are used by teachers that have them; None to call live.
    """

    def __init__(
        self,
        ledger: Ledger,
        limits: Limits | None = None,
        budget: Budget | None = None,
        batches: Batches | None = None,
    ) -> None:
        self.ledger = ledger
        self.limits = limits or Limits()
        self.batches = batches
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
            self.by_identity[identity] = caller = Caller(backend, self.ledger, self.limits, run=self.run)
            caller.use_batches(self.batches)
        self.by_backend[id(backend)] = backend, self.by_identity[identity]
        return self.by_identity[identity]

    @property
    def counts(self) -> Counts:
        """What all did so far."""
        return sum((caller.counts for caller in list(self.by_identity.values())), Counts())

    def counts_by_model(self) -> dict[str, Counts]:
        """Return what each did so far, by the name of its model."""
        found: dict[str, Counts] = {}
        for caller in list(self.by_identity.values()):
            found[caller.backend.model] = found.get(caller.backend.model, Counts()) + caller.counts
        return found

    def stop(self, reason: Exception) -> None:
        """Send nothing more; calls under way may finish."""
        self.run.stop(reason)

    @property
    def desks(self) -> list[BatchDesk]:
        """The desks of the teachers that have batches."""
        return [caller.desk for caller in list(self.by_identity.values()) if caller.desk is not None]

    def under_way(self) -> str:
        """Say what is left at the providers; empty when nothing is."""
        batches, requests = (
            map(sum, zip(*(desk.under_way for desk in self.desks), strict=True)) if self.desks else (0, 0)
        )
        if not batches:
            return ""
        return (
            f"{batches} {'batch' if batches == 1 else 'batches'} with {requests} requests are under way at the "
            "provider; running the same command again collects them."
        )

    async def close(self) -> None:
        """Let what is being handed in or stored by batches finish; the batches themselves stay under way."""
        self.run.stop(Stopped("The run has ended."))
        for desk in self.desks:
            await desk.close()

    def cancel(self) -> None:
        """Break off what batches do on this side."""
        for desk in self.desks:
            desk.cancel()
