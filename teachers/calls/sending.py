"""Sends one call until it is answered or given up: within the budget and the limits, kept before it is read."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from tenacity import AsyncRetrying, retry_if_exception

from lessons.errors import BudgetExceeded, CallFailed, Stopped, StorageError
from teachers.backend import Fatal, RateLimited, TeacherBackend, Transient, Verdict
from teachers.calls.answered import Answered, look, took, total
from teachers.calls.asked import Asked, Most
from teachers.calls.budget import Cost
from teachers.calls.gate import Gate, Permit
from teachers.calls.limits import Limits
from teachers.calls.pricing import Price
from teachers.calls.reply import Counts, Reply, read_reply
from teachers.calls.request_keys import RequestKeys
from teachers.calls.retries import Tries
from teachers.calls.run_state import RunState
from teachers.ledger.ledger import Ledger
from teachers.ledger.ledger_records import Attempted, StoredReply

__all__ = ["Sender"]

Kept = list[tuple[StoredReply, Answered]]


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

    async def buy(self, bundle: Sequence[Asked]) -> list[Reply]:
        """Send a request, or samples of one request, until answered or given up; return the replies, on disk by then.

        Raises:
            CallFailed: The call failed for good, or a reply cannot be read.
            Stopped: The run is stopping (`BudgetExceeded`: by its budget).
            StorageError: The ledger could not be written.
        """
        return [self.reply(stored, answered) for stored, answered in await self.send(bundle)]

    def reply(self, stored: StoredReply, answered: Answered) -> Reply:
        """Return a reply as it was read when it came, or read what another process had stored first."""
        if answered.completion is None or stored.raw is not answered.raw:
            return read_reply(self.backend, stored, from_ledger=False)
        return Reply(answered.completion, stored.key, stored.cost_dollars, False)

    async def send(self, bundle: Sequence[Asked]) -> Kept:
        """Send a call until it is answered or given up; return what the ledger holds, each with what came."""
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

    async def send_once(self, tries: Tries, most: Most, bundle: Sequence[Asked]) -> Kept:
        """Send a call once, within the budget and the limits, and store the replies.

        The permit is kept until the replies are on disk: so a kill never loses more than the calls in flight.
        """
        permit = await self.gate.enter(most.read, most.written)
        read = written = None
        try:
            await self.reserve(most.cost)
            answers = await self.answer(tries, permit, most.cost, bundle)
            read = total([answered.input_tokens for answered in answers])
            written = total([answered.output_tokens for answered in answers])
            return await self.keep(bundle, answers)
        finally:
            self.gate.leave(permit, read, written)

    async def answer(self, tries: Tries, permit: Permit, worst: Cost, bundle: Sequence[Asked]) -> list[Answered]:
        """Make the call and settle its reservation, whatever comes of it."""
        taken = Cost()
        try:
            if len(bundle) == 1:
                raws = [await self.backend.send(bundle[0].request)]
            else:
                raws = await self.backend.send_samples([asked.request for asked in bundle])
            answers = [look(self.backend, raw, self.backend.price_of) for raw in raws]
            taken = took(answers, worst)
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
        return answers

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

    async def keep(self, bundle: Sequence[Asked], answers: Sequence[Answered]) -> Kept:
        """Store replies, each with what it cost; return them once they are on disk."""
        kept = [self.put(asked.key, asked.canonical, a) for asked, a in zip(bundle, answers, strict=True)]
        try:
            stored = [await kept[0]] if len(kept) == 1 else await asyncio.gather(*kept)
        except StorageError as error:
            self.run.stop(error)
            raise
        return list(zip(stored, answers, strict=True))

    def put(self, key: str, canonical: str, answered: Answered) -> asyncio.Future[StoredReply]:
        """Count one reply and hand it to the ledger."""
        read, written, dollars = answered.input_tokens, answered.output_tokens, answered.dollars
        self.counts.calls += 1
        self.counts.input_tokens += read or 0
        self.counts.output_tokens += written or 0
        self.counts.dollars += dollars or 0.0
        return self.ledger.put(key, self.identity_json, canonical, answered.raw, read, written, dollars)

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
