"""The shell around a backend: ledger, budget, calls in flight, pauses and the one retry layer."""

from __future__ import annotations

import asyncio
import random
import time
from dataclasses import dataclass

from tenacity import AsyncRetrying, retry_if_exception

from lessons.errors import BudgetExceeded, CallFailed, Stopped, StorageError
from teachers.backend import JSON, Completion, Fatal, Request, TeacherBackend, Transient, Verdict
from teachers.budget import Account, Budget, Cost, actual, worst_case
from teachers.ledger import Ledger
from teachers.ledger_records import StoredReply
from teachers.limits import Limits
from teachers.request_keys import RequestKeys, request_json
from teachers.retries import Tries

__all__ = ["Caller", "Counts", "Reply"]

UNREADABLE = (
    KeyError,
    IndexError,
    TypeError,
    ValueError,
    AttributeError,
)  # what reading a reply of a wrong shape raises


@dataclass(frozen=True, slots=True)
class Reply:
    """A completion and where it came from."""

    completion: Completion
    """What the teacher wrote."""
    key: str
    """The ledger's key."""
    cost_dollars: float | None
    """What it cost when it was bought; None when the price was not known."""
    from_ledger: bool
    """Whether it was there already."""


@dataclass(slots=True)
class Counts:
    """What one caller did so far."""

    calls: int = 0
    """New replies."""
    from_ledger: int = 0
    """Replies that were there already."""
    failed_attempts: int = 0
    """Calls that brought no reply."""
    input_tokens: int = 0
    """Tokens of new replies."""
    output_tokens: int = 0
    """Tokens of new replies."""
    dollars: float = 0.0
    """Price of new replies, as far as known."""
    dollars_from_ledger: float = 0.0
    """What the replies that were there already once cost, as far as known."""


class Caller:
    """Asks one backend, at most once for every key. Used from one event loop, with an open ledger.

    Args:
        backend: The teacher.
        ledger: Where replies are kept.
        limits: How hard the teacher may be worked.
        budget: What this run may take at most.
    """

    def __init__(
        self, backend: TeacherBackend, ledger: Ledger, limits: Limits | None = None, budget: Budget | None = None
    ):
        self.backend = backend
        self.ledger = ledger
        self.limits = limits or Limits()
        self.budget = budget or Budget()
        self.price = backend.price
        self.keys = RequestKeys(backend.identity)
        self.account = Account(self.budget)
        self.counts = Counts()
        self.slots = asyncio.Semaphore(self.limits.in_flight)
        self.pending: dict[str, asyncio.Future[Reply]] = {}
        self.stopping = asyncio.Event()
        self.stop_reason: Exception | None = None
        self.resume_at = 0.0
        self.pauses_in_a_row = 0
        self.failures_in_a_row = 0

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
            self.counts.from_ledger += 1
            self.counts.dollars_from_ledger += stored.cost_dollars or 0.0
            return self.reply(stored, from_ledger=True)
        under_way = self.pending.get(key)
        if under_way is not None:
            return await asyncio.shield(under_way)
        self.pending[key] = future = asyncio.get_running_loop().create_future()
        try:
            stored = await self.buy(key, canonical, request)
            reply = self.reply(stored, from_ledger=False)
            future.set_result(reply)
        except BaseException as error:
            future.set_exception(error if isinstance(error, Exception) else Stopped("The run was interrupted."))
            future.exception()  # read once, or asyncio complains when nobody else waits for it
            raise
        finally:
            del self.pending[key]
        return reply

    def stop(self, reason: Exception) -> None:
        """Send nothing more; calls under way may finish. The first reason is what callers are told."""
        if self.stop_reason is None:
            self.stop_reason = reason
        self.stopping.set()

    def check_running(self) -> None:
        """Raise the reason if the run is stopping."""
        if self.stop_reason is not None:
            raise self.stop_reason.with_traceback(None)  # one object raised by many callers: do not let it grow

    def reply(self, stored: StoredReply, from_ledger: bool) -> Reply:
        """Read a stored reply."""
        try:
            completion = self.backend.read(stored.raw)
        except UNREADABLE as error:
            raise CallFailed(
                f"The reply stored under {stored.key} cannot be read ({type(error).__name__}: {error}). "
                "It is in the ledger as it came; see it with `tutelage show`."
            ) from error
        return Reply(completion, stored.key, stored.cost_dollars, from_ledger)

    async def buy(self, key: str, canonical: str, request: Request) -> StoredReply:
        """Send a request until it is answered or given up, and return the reply once it is on disk."""
        tries = Tries(self, key)
        worst = worst_case(request, self.price)
        try:
            return await self.send_once(tries, worst, canonical, request)
        except (Stopped, StorageError):
            raise
        except Exception as error:
            if not tries.can_heal(error):
                raise self.given_up(tries, error) from None  # the library's error may carry the key in its headers
            first_error = error
        # tenacity only from here on: it costs 40 microseconds a call, and few calls fail
        retrying = AsyncRetrying(
            retry=retry_if_exception(tries.can_heal),
            wait=tries.wait_seconds,
            stop=tries.used_up,
            sleep=self.sleep,
            reraise=True,
        )
        try:
            async for attempt in retrying:
                with attempt:
                    if attempt.retry_state.attempt_number == 1:
                        raise first_error
                    return await self.send_once(tries, worst, canonical, request)
        except (Stopped, StorageError):
            raise
        except Exception as error:
            raise self.given_up(tries, error) from None
        raise AssertionError("tenacity ended without a reply or an error")

    def given_up(self, tries: Tries, error: Exception) -> Exception:
        """Return what to raise for a call that failed for good."""
        if self.stop_reason is not None and not isinstance(tries.verdict, Fatal):
            return self.stop_reason.with_traceback(None)  # it may heal, but not in this run
        failure = tries.failure(error)
        self.note_failure(failure, tries.verdict)
        return failure

    async def send_once(self, tries: Tries, worst: Cost, canonical: str, request: Request) -> StoredReply:
        """Send a request once, within the budget and the limits, and store the reply.

        The slot is kept until the reply is on disk: so a kill never loses more than the calls in flight.
        """
        async with self.slots:
            await self.sit_out_pause()
            await self.reserve(worst)
            taken = Cost()
            try:
                raw = await self.backend.send(request)
                completion = self.glance(raw)
                taken = worst if completion is None else actual(completion, self.price, worst)
            except Exception as error:
                verdict = tries.note(error)
                if isinstance(verdict, Transient) and verdict.maybe_billed:
                    taken = worst
                raise
            except asyncio.CancelledError:
                taken = worst
                raise
            finally:
                self.account.settle(worst, taken)
            self.pauses_in_a_row = self.failures_in_a_row = 0
            return await self.keep(tries.key, canonical, raw, completion, taken)

    async def reserve(self, worst: Cost) -> None:
        """Reserve within the budget; a refusal stops the run."""
        self.check_running()
        try:
            await self.account.reserve(worst)
        except BudgetExceeded as error:
            self.stop(error)
            raise
        if self.stop_reason is not None:
            self.account.settle(worst, Cost())
            self.check_running()

    def glance(self, raw: JSON) -> Completion | None:
        """Read a reply for its tokens; an unreadable one is stored all the same, and `reply` says what is wrong."""
        try:
            return self.backend.read(raw)
        except UNREADABLE:
            return None

    async def keep(
        self, key: str, canonical: str, raw: JSON, completion: Completion | None, taken: Cost
    ) -> StoredReply:
        """Store a reply, with what it cost; return what the ledger holds once it is on disk."""
        read = written = dollars = None
        if completion is not None:
            read, written = completion.input_tokens, completion.output_tokens
            if self.price is not None and read is not None and written is not None:
                dollars = taken.dollars
        self.counts.calls += 1
        self.counts.input_tokens += read or 0
        self.counts.output_tokens += written or 0
        self.counts.dollars += dollars or 0.0
        try:
            return await self.ledger.put(key, self.keys.identity_json, canonical, raw, read, written, dollars)
        except StorageError as error:
            self.stop(error)
            raise

    def note_failure(self, failure: CallFailed, verdict: Verdict) -> None:
        """Stop the run when an error would meet every call."""
        self.failures_in_a_row += 1
        if isinstance(verdict, Fatal) and verdict.everywhere:
            self.stop(failure)
        elif self.failures_in_a_row >= self.limits.failures_in_a_row:
            self.stop(
                CallFailed(
                    f"{self.failures_in_a_row} calls in a row failed for good, so the run stopped. "
                    f"The last one: {failure}"
                )
            )

    def pause(self, wait_seconds: float | None) -> None:
        """Let all callers wait: as long as the provider says, else longer with every refusal in a row."""
        if time.monotonic() >= self.resume_at:
            self.pauses_in_a_row += 1
        if wait_seconds is None:
            growth = self.limits.first_wait_seconds * 2 ** min(self.pauses_in_a_row, 16)
            wait_seconds = random.uniform(0.5, 1.0) * min(growth, self.limits.longest_wait_seconds)
        wait_seconds = max(wait_seconds, self.limits.first_wait_seconds / 10)  # "Retry-After: 0" must not spin
        self.resume_at = max(self.resume_at, time.monotonic() + wait_seconds)

    async def sit_out_pause(self) -> None:
        """Wait until the provider may be asked again."""
        while (remaining := self.resume_at - time.monotonic()) > 0:
            await self.sleep(remaining * random.uniform(1.0, 1.05) + 0.001)  # not all at the same instant
        self.check_running()

    async def sleep(self, seconds: float) -> None:
        """Sleep, but wake up when the run stops."""
        if seconds <= 0:
            return
        try:
            await asyncio.wait_for(self.stopping.wait(), seconds)
        except TimeoutError:
            return
        self.check_running()
