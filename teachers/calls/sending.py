"""Sends one call until it is answered or given up: within the budget and the limits, kept before it is read."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from tenacity import AsyncRetrying, retry_if_exception

from lessons.errors import BudgetExceeded, CallFailed, Stopped, StorageError
from teachers.backend import JSON, Completion, Fatal, RateLimited, TeacherBackend, Transient, Verdict
from teachers.calls.asked import Asked, Most
from teachers.calls.budget import Cost, actual
from teachers.calls.gate import Gate, Permit
from teachers.calls.limits import Limits
from teachers.calls.pricing import Price
from teachers.calls.reply import Counts
from teachers.calls.request_keys import RequestKeys
from teachers.calls.retries import Tries
from teachers.calls.run_state import RunState
from teachers.ledger.ledger import Ledger
from teachers.ledger.ledger_records import Attempted, StoredReply

__all__ = ["UNREADABLE", "Sender"]

UNREADABLE = (
    KeyError,
    IndexError,
    TypeError,
    ValueError,
    AttributeError,
)  # what reading a reply of a wrong shape raises


class Sender:
    """Buys the replies of one backend, live.

    Args:
        backend: The teacher.
        ledger: Where replies are kept.
        limits: How hard the teacher may be worked.
        run: What all teachers of the run share.
        gate: Paces the calls.
        counts: Counts them.
    """

    def __init__(
        self, backend: TeacherBackend, ledger: Ledger, limits: Limits, run: RunState, gate: Gate, counts: Counts
    ) -> None:
        self.backend = backend
        self.ledger = ledger
        self.limits = limits
        self.run = run
        self.gate = gate
        self.counts = counts
        self.price: Price | None = backend.price
        self.identity_json = RequestKeys(backend.identity).identity_json
        self.failures_in_a_row = 0

    async def buy(self, bundle: Sequence[Asked]) -> list[StoredReply]:
        """Send a request, or samples of one request, until answered or given up; return the replies, on disk by then.

        Raises:
            CallFailed: The call failed for good.
            Stopped: The run is stopping (`BudgetExceeded`: by its budget).
            StorageError: The ledger could not be written.
        """
        tries = Tries(self.backend, self.limits, self.run)
        most = Most.of(bundle, self.price)
        try:
            return await self.send_once(tries, most, bundle)
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
            sleep=self.run.sleep,
            reraise=True,
        )
        try:
            async for attempt in retrying:
                with attempt:
                    if attempt.retry_state.attempt_number == 1:
                        raise first_error
                    return await self.send_once(tries, most, bundle)
        except (Stopped, StorageError):
            raise
        except Exception as error:
            raise self.given_up(tries, error) from None
        raise AssertionError("tenacity ended without a reply or an error")

    def given_up(self, tries: Tries, error: Exception) -> Exception:
        """Return what to raise for a call that failed for good."""
        if self.run.stop_reason is not None and not isinstance(tries.verdict, Fatal):
            return self.run.stop_reason.with_traceback(None)  # it may heal, but not in this run
        failure = tries.failure(error)
        self.note_failure(failure, tries.verdict)
        return failure

    async def send_once(self, tries: Tries, most: Most, bundle: Sequence[Asked]) -> list[StoredReply]:
        """Send a call once, within the budget and the limits, and store the replies.

        The permit is kept until the replies are on disk: so a kill never loses more than the calls in flight.
        """
        permit = await self.gate.enter(most.read, most.written)
        read = written = None
        try:
            await self.reserve(most.cost)
            raws, completions = await self.answer(tries, permit, most.cost, bundle)
            read = total([None if c is None else c.input_tokens for c in completions])
            written = total([None if c is None else c.output_tokens for c in completions])
            return await self.keep(bundle, raws, completions)
        finally:
            self.gate.leave(permit, read, written)

    async def answer(
        self, tries: Tries, permit: Permit, worst: Cost, bundle: Sequence[Asked]
    ) -> tuple[list[JSON], list[Completion | None]]:
        """Make the call and settle its reservation, whatever comes of it."""
        taken = Cost()
        try:
            if len(bundle) == 1:
                raws = [await self.backend.send(bundle[0].request)]
            else:
                raws = await self.backend.send_samples([asked.request for asked in bundle])
            completions = [self.glance(raw) for raw in raws]
            taken = self.took(completions, worst)
        except Stopped:
            raise  # the call still waited inside the backend: nothing was sent
        except Exception as error:
            verdict = tries.note(error)
            self.counts.failed_attempts += 1
            lost = isinstance(verdict, Transient | Fatal) and verdict.maybe_billed
            self.list_attempt(bundle[0].key, tries.reason, lost)
            if isinstance(verdict, RateLimited):
                self.gate.refused(permit, verdict.wait_seconds)
            if lost:
                taken = worst
            raise
        except asyncio.CancelledError:
            taken = worst
            self.list_attempt(bundle[0].key, "broken off while the call was under way", maybe_billed=True)
            raise
        finally:
            self.run.account.settle(worst, taken)
        self.gate.answered()
        self.failures_in_a_row = 0
        return raws, completions

    def list_attempt(self, key: str, reason: str, maybe_billed: bool) -> None:
        """Keep in the ledger that a call brought no reply."""
        self.ledger.put_attempt(key, self.identity_json, Attempted(key, reason, maybe_billed))

    async def reserve(self, worst: Cost) -> None:
        """Reserve within the budget; a refusal stops the run."""
        run = self.run
        run.check_running()
        try:
            await run.account.reserve(worst)
        except BudgetExceeded as error:
            run.stop(error)
            raise
        if run.stop_reason is not None:
            run.account.settle(worst, Cost())
            run.check_running()

    def glance(self, raw: JSON) -> Completion | None:
        """Read a reply for its tokens; an unreadable one is stored too, and `Caller.reply` says what is wrong."""
        try:
            return self.backend.read(raw)
        except UNREADABLE:
            return None

    def took(self, completions: Sequence[Completion | None], worst: Cost) -> Cost:
        """Return what a call took; the worst case where a reply does not say."""
        if len(completions) == 1:
            completion = completions[0]
            return worst if completion is None else actual(completion, self.backend.price_of(completion), worst)
        dollars, tokens = 0.0, 0
        for completion in completions:
            if completion is None or completion.input_tokens is None or completion.output_tokens is None:
                return worst
            one = actual(completion, self.backend.price_of(completion), worst)
            dollars, tokens = dollars + one.dollars, tokens + one.tokens
        return Cost(dollars, 1, tokens)

    async def keep(
        self, bundle: Sequence[Asked], raws: Sequence[JSON], completions: Sequence[Completion | None]
    ) -> list[StoredReply]:
        """Store replies, each with what it cost; return what the ledger holds once they are on disk."""
        kept = []
        for asked, raw, completion in zip(bundle, raws, completions, strict=True):
            price = self.price if completion is None else self.backend.price_of(completion)
            kept.append(self.put(asked.key, asked.canonical, raw, completion, price))
        try:
            if len(kept) == 1:
                return [await kept[0]]
            return list(await asyncio.gather(*kept))
        except StorageError as error:
            self.run.stop(error)
            raise

    def put(
        self, key: str, canonical: str, raw: JSON, completion: Completion | None, price: Price | None
    ) -> asyncio.Future[StoredReply]:
        """Count one reply and hand it to the ledger."""
        read = written = dollars = None
        if completion is not None:
            read, written = completion.input_tokens, completion.output_tokens
            if price is not None and read is not None and written is not None:
                dollars = actual(completion, price, Cost()).dollars
        self.counts.calls += 1
        self.counts.input_tokens += read or 0
        self.counts.output_tokens += written or 0
        self.counts.dollars += dollars or 0.0
        return self.ledger.put(key, self.identity_json, canonical, raw, read, written, dollars)

    def note_failure(self, failure: CallFailed, verdict: Verdict) -> None:
        """Stop the run when an error would meet every call."""
        self.failures_in_a_row += 1
        if isinstance(verdict, Fatal) and verdict.everywhere:
            self.run.stop(failure)
        elif self.failures_in_a_row >= self.limits.failures_in_a_row:
            self.run.stop(
                CallFailed(
                    f"{self.failures_in_a_row} calls in a row failed for good, so the run stopped. "
                    f"The last one: {failure}"
                )
            )


def total(amounts: Sequence[int | None]) -> int | None:
    """Add token counts; None when one is not known.

    >>> total([1, 2]), total([1, None])
    (3, None)
    """
    known = [amount for amount in amounts if amount is not None]
    return sum(known) if len(known) == len(amounts) else None
