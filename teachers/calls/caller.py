"""Asks one backend: what the ledger holds is taken from it, what is under way is waited for, the rest is bought."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from lessons.errors import CallFailed, Stopped
from teachers.backend import Request, TeacherBackend
from teachers.batches.batch_desk import BatchDesk
from teachers.batches.batching import Batches
from teachers.calls.asked import Asked
from teachers.calls.budget import Account, Budget
from teachers.calls.gate import Gate
from teachers.calls.limits import Limits
from teachers.calls.reply import Counts, Reply, read_reply
from teachers.calls.request_keys import RequestKeys, request_json
from teachers.calls.run_state import RunState
from teachers.calls.sending import Sender
from teachers.ledger.ledger import Ledger
from teachers.ledger.ledger_records import StoredReply

__all__ = ["Caller", "Counts", "Reply"]


class Caller:
    """Asks one backend, at most once for every key. Used from one event loop, with an open ledger.

    Args:
        backend: The teacher.
        ledger: Where replies are kept.
        limits: How hard the teacher may be worked.
        budget: What this run may take at most.
        run: The run it shares with callers of other teachers, in place of a budget of its own.
    """

    def __init__(
        self,
        backend: TeacherBackend,
        ledger: Ledger,
        limits: Limits | None = None,
        budget: Budget | None = None,
        run: RunState | None = None,
    ):
        self.backend = backend
        self.ledger = ledger
        self.limits = limits or Limits()
        self.run = run or RunState(budget)
        self.keys = RequestKeys(backend.identity)
        self.counts = Counts()
        self.gate = Gate(self.limits)
        self.sender = Sender(backend, ledger, self.limits, self.run, self.gate, self.counts)
        self.pending: dict[str, asyncio.Future[Reply] | None] = {}
        """What is being bought, and what others wait for who ask for the same; None while nobody does."""
        self.desk: BatchDesk | None = None
        self.run.when_stopping += [self.gate.stop, backend.stop]
        backend.heard = self.gate.hear

    def use_batches(self, batches: Batches | None) -> None:
        """Buy through the provider's batch interface, where it has one; None: only bring back what is under way."""
        api = self.backend.batch_api
        if api is not None:
            self.desk = BatchDesk(self.sender, api, batches)
            self.desk.adopt()

    @property
    def account(self) -> Account:
        """The run's account."""
        return self.run.account

    @property
    def stop_reason(self) -> Exception | None:
        """Why the run stops; None while it goes on."""
        return self.run.stop_reason

    async def ask(self, request: Request) -> Reply:
        """Return the reply to a request: from the ledger, from the same call under way, or from the teacher.

        Raises:
            CallFailed: The call failed for good.
            Stopped: The run is stopping (`BudgetExceeded`: by its budget).
            StorageError: The ledger could not be written.
        """
        canonical = request_json(request)
        key = self.keys.key(canonical)
        stored = self.ledger.get(key)
        if stored is not None:
            return self.known(stored)
        if key in self.pending:
            return await self.promised(key)
        self.pending[key] = None  # in the same moment in which it was not found
        return (await self.bought([Asked(key, canonical, request)]))[0]

    async def recall(self, request: Request) -> Reply:
        """Return the reply to a request from the ledger, and send nothing.

        Raises:
            CallFailed: It is not there.
        """
        key = self.keys.key(request_json(request))
        stored = self.ledger.get(key)
        if stored is None:
            raise CallFailed(
                f"The reply {key} is not in the ledger, and only what failed before is asked for in this run. "
                "Run without retry_failed to ask for everything that is missing."
            )
        return self.known(stored)

    async def recall_samples(self, requests: Sequence[Request]) -> list[Reply]:
        """Return the replies to several requests from the ledger, and send nothing; errors as `recall`."""
        return [await self.recall(request) for request in requests]

    async def ask_samples(self, requests: Sequence[Request]) -> list[Reply]:
        """Return the replies to requests that differ only in their sample number, in their order.

        Those that are neither in the ledger nor under way are drawn by as few calls as the teacher allows. All replies
        are on disk before an error of any is raised; errors are those of `ask`.
        """
        if len(requests) == 1:
            return [await self.ask(requests[0])]
        found: dict[str, Reply] = {}
        waits: dict[str, asyncio.Future[Reply]] = {}
        missing: dict[str, Asked] = {}
        keys = []
        for request in requests:
            canonical = request_json(request)
            key = self.keys.key(canonical)
            keys.append(key)
            if key in found or key in waits or key in missing:
                continue
            stored = self.ledger.get(key)
            if stored is not None:
                found[key] = self.known(stored)
            elif key in self.pending:
                waits[key] = self.promised(key)
            else:
                self.pending[key] = None
                missing[key] = Asked(key, canonical, request)
        if missing or waits:
            for reply in await self.all_of(list(missing.values()), list(waits.values())):
                found[reply.key] = reply
        return [found[key] for key in keys]

    async def all_of(self, fresh: Sequence[Asked], waits: Sequence[asyncio.Future[Reply]]) -> list[Reply]:
        """Buy what is fresh in bundles, wait for the rest; raise an error only when all have ended."""
        size = max(1, self.backend.samples_per_call)
        bundles = [fresh[start : start + size] for start in range(0, len(fresh), size)]
        orders = [self.bought(bundle) for bundle in bundles]
        bought = await asyncio.gather(*orders, return_exceptions=True)
        waited = await asyncio.gather(*waits, return_exceptions=True)
        replies: list[Reply] = []
        for result in (*bought, *waited):
            if isinstance(result, BaseException):
                raise result
            replies += result if isinstance(result, list) else [result]
        return replies

    def promised(self, key: str) -> asyncio.Future[Reply]:
        """Return the reply to come of what is being bought already; whoever waits may be cancelled alone."""
        future = self.pending[key]
        if future is None:
            future = self.pending[key] = asyncio.get_running_loop().create_future()
        return asyncio.shield(future)

    async def bought(self, bundle: Sequence[Asked]) -> list[Reply]:
        """Buy the replies of one call, and let whoever asks for the same meanwhile have them too."""
        try:
            replies = await (self.desk or self.sender).buy(bundle)
        except BaseException as error:
            for asked in bundle:
                future = self.pending.pop(asked.key)
                if future is not None:
                    future.set_exception(error if isinstance(error, Exception) else Stopped("The run was interrupted."))
                    future.exception()  # read once, or asyncio complains when nobody else waits for it any more
            raise
        for asked, reply in zip(bundle, replies, strict=True):
            future = self.pending.pop(asked.key)
            if future is not None:
                future.set_result(reply)
        return replies

    def stop(self, reason: Exception) -> None:
        """Send nothing more; calls under way may finish. The first reason is what callers are told."""
        self.run.stop(reason)

    def known(self, stored: StoredReply) -> Reply:
        """Count and read a reply that was there already."""
        self.count_known(1, stored.cost_dollars or 0.0)
        return read_reply(self.backend, stored, from_ledger=True)

    def count_known(self, replies: int, dollars: float) -> None:
        """Count replies that were there already."""
        self.counts.from_ledger += replies
        self.counts.dollars_from_ledger += dollars
