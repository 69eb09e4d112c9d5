"""Collects requests into batches, and brings back what was handed in, by this run or by an earlier one."""

from __future__ import annotations

import asyncio
import logging
import time
import uuid
from collections.abc import Sequence

from lessons.errors import CallFailed, Stopped, StorageError
from teachers.batch_api import BatchAPI
from teachers.batches.batch_trip import Place, Refused, Trip
from teachers.batches.batching import Batches
from teachers.batches.filling import Filling
from teachers.calls.asked import Asked
from teachers.calls.budget import Cost, worst_case
from teachers.calls.reply import Reply, read_reply
from teachers.calls.sending import Sender
from teachers.calls.together import together
from teachers.ledger.ledger_batches import BatchRecords, StoredBatch

__all__ = ["BatchDesk"]

LOG = logging.getLogger(__name__)


class BatchDesk:
    """Buys replies through batches. Used from one event loop.

    In a live run (no `batches`) it hands in nothing; it only brings back what an earlier run handed in, so that nothing
    is paid twice whatever mode a run is gone on with.

    Args:
        sender: The teacher's live sender.
        api: The provider's batch interface.
        batches: How batches are used; None in a live run.
    """

    def __init__(self, sender: Sender, api: BatchAPI, batches: Batches | None) -> None:
        self.sender = sender
        self.api = api
        self.handing_in = batches is not None
        self.settings = batches or Batches()
        self.price = None if sender.price is None else sender.price.scaled(api.price_factor)
        self.records = BatchRecords(sender.ledger, sender.identity_json)
        self.filling = Filling(api, self.settings, self.send_off)
        self.places: dict[str, Place] = {}
        """By key: whatever waits here or is under way."""
        self.attempts: dict[str, int] = {}
        self.trips: dict[Trip, asyncio.Task[None]] = {}
        self.left_behind: list[Trip] = []
        """Batches this run stopped waiting for."""
        self.door = asyncio.Lock()  # one batch is handed in at a time: providers limit uploads
        sender.run.when_stopping.append(self.stop)

    def adopt(self) -> None:
        """Take up the batches that earlier runs handed in; what they may cost is set aside."""
        for stored in self.records.under_way():
            places = [Place(m.key, m.most) for m in stored.members if m.key not in self.sender.ledger]
            for place in places:
                self.places[place.key] = place
                self.sender.run.account.set_aside(place.most)
            if places and not self.handing_in:
                LOG.warning(
                    "%d requests of %s are under way in a batch that an earlier run handed in; what is asked of them "
                    "is waited for, not paid again.", len(places), self.sender.backend.model,
                )  # fmt: skip
            trip = self.trip(stored.tag, stored.made_at, places, stored.name)
            self.trips[trip] = asyncio.create_task(self.resume(trip, stored))

    async def buy(self, bundle: Sequence[Asked]) -> list[Reply]:
        """Return the replies to requests, on disk by then; errors as `Sender.buy`."""
        if not self.handing_in and not any(asked.key in self.places for asked in bundle):
            return await self.sender.buy(bundle)
        return await together([self.one(asked) for asked in bundle])

    async def one(self, asked: Asked) -> Reply:
        """Return the reply to one request."""
        while True:
            place = self.places.get(asked.key)
            if place is None and not self.handing_in:
                return (await self.sender.buy([asked]))[0]
            if place is None:
                place = await self.enter(asked)
            place.asked = asked
            if place.waiter is None:
                place.waiter = asyncio.get_running_loop().create_future()
            self.sender.run.check_running()
            stored = await place.waiter
            if stored is not None:
                self.places.pop(asked.key, None)
                return read_reply(self.sender.backend, stored, from_ledger=False)

    async def enter(self, asked: Asked) -> Place:
        """Reserve what a request may cost, and put it into the next batch."""
        most = worst_case(asked.request, self.price)
        await self.sender.reserve(most)
        place = Place(asked.key, most, asked)
        self.places[asked.key] = place
        self.filling.add(place, self.api.size(asked.key, asked.request))
        return place

    def send_off(self, places: Sequence[Place], failures: int = 0) -> None:
        """Start one batch, after so many that were refused."""
        trip = self.trip(uuid.uuid4().hex, time.time(), places)
        self.trips[trip] = asyncio.create_task(self.carry(trip, places, failures))

    def trip(self, tag: str, made_at: float, places: Sequence[Place], name: str | None = None) -> Trip:
        """Make the trip of a batch."""
        return Trip(self.sender, self.api, self.settings, self.price, tag, made_at, places, name)

    async def carry(self, trip: Trip, places: Sequence[Place], failures: int) -> None:
        """Hand a batch in and bring it home; one that is refused as a whole goes again in halves."""
        try:
            limits = self.sender.limits
            if failures:
                await self.sender.run.sleep(min(limits.longest_wait_seconds, limits.first_wait_seconds * 2**failures))
            async with self.door:
                self.sender.run.check_running()
                trip.made_at = time.time()
                await trip.hand_in()
            await self.bring_home(trip)
        except Refused as refusal:
            self.refused(places, refusal, failures)
        except Exception as error:
            self.give_up(trip, error)
        finally:
            self.trips.pop(trip, None)

    async def resume(self, trip: Trip, stored: StoredBatch) -> None:
        """Go on with a batch of an earlier run."""
        try:
            if trip.name is None:
                age = time.time() - stored.made_at
                trip.name = await trip.search(max(0.0, self.settings.find_seconds - age))
                if trip.name is None:
                    await self.records.over(trip.tag, "never handed in")
                    self.buy_again(list(trip.left.values()))
                    return
                await self.records.handed_in(trip.tag, trip.name)
            await self.bring_home(trip)
        except Refused:
            self.buy_again(list(trip.left.values()))
        except Exception as error:
            self.give_up(trip, error)
        finally:
            self.trips.pop(trip, None)

    async def bring_home(self, trip: Trip) -> None:
        """Wait for a batch; what it did not answer goes into another one, as often as a live call is tried."""
        await trip.follow()
        for place, reason, can_heal in trip.failed:
            tries = self.attempts[place.key] = self.attempts.get(place.key, 0) + 1
            if can_heal and tries < self.sender.limits.attempts:
                self.buy_again([place])
            else:
                self.end(place, self.failure(reason, tries))

    def refused(self, places: Sequence[Place], refusal: Refused, failures: int) -> None:
        """Split a batch that was refused: one request may be at fault, or it was too much at once.

        A request that is refused alone is handed in again, as often as a live call is tried: the provider may have had
        reasons of its own.
        """
        if refusal.everywhere:
            failure = self.failure(str(refusal), 1)
            self.sender.run.stop(failure)
            for place in places:
                self.end(place, failure)
            return
        if len(places) == 1:
            tries = self.attempts[places[0].key] = self.attempts.get(places[0].key, 0) + 1
            if tries < self.sender.limits.attempts:
                self.send_off(places, failures + 1)
            else:
                self.end(places[0], self.failure(str(refusal), tries))
            return
        middle = len(places) // 2
        self.send_off(places[:middle], failures + 1)
        self.send_off(places[middle:], failures + 1)

    def buy_again(self, places: Sequence[Place]) -> None:
        """Let those who wait buy their requests another time."""
        for place in places:
            self.sender.run.account.settle(place.most, Cost())
            self.places.pop(place.key, None)
            if place.waiter is not None and not place.waiter.done():
                place.waiter.set_result(None)

    def end(self, place: Place, error: Exception) -> None:
        """Give one request up."""
        self.sender.run.account.settle(place.most, Cost())
        self.places.pop(place.key, None)
        tell(place, error)

    def failure(self, reason: str, tries: int) -> CallFailed:
        """Describe a request that no batch answered."""
        failure = CallFailed(
            f"The teacher {self.sender.backend.model!r} did not answer in a batch (after {tries} tries): "
            f"{reason[:2000]} Everything answered so far is in the ledger; correct the cause and run again."
        )
        failure.attempts = tries
        return failure

    def give_up(self, trip: Trip, error: Exception) -> None:
        """Leave a batch where it is, because of an error that is not the batch's; the run ends."""
        if not isinstance(error, Stopped | StorageError | CallFailed):
            error.add_note("while a batch was handed in or collected; it stays noted in the ledger")
        self.left_behind.append(trip)
        self.sender.run.stop(error)
        for place in trip.left.values():
            tell(place, error)

    def stop(self, reason: Exception) -> None:
        """Hand nothing in any more, and let nobody wait; what is under way stays noted in the ledger."""
        for place in self.filling.stop():
            self.sender.run.account.settle(place.most, Cost())
        for place in self.places.values():
            tell(place, reason)

    @property
    def under_way(self) -> tuple[int, int]:
        """How many batches are at the provider, and how many requests they hold that are not collected."""
        there = [trip for trip in (*list(self.trips), *self.left_behind) if trip.name is not None]
        return len(there), sum(len(trip.left) for trip in there)

    async def close(self) -> None:
        """Let what is being handed in or stored finish; call it when the run stops."""
        while self.trips:
            await asyncio.gather(*self.trips.values(), return_exceptions=True)

    def cancel(self) -> None:
        """Break off whatever is under way here; the batches stay noted in the ledger."""
        for task in self.trips.values():
            task.cancel()


def tell(place: Place, error: Exception) -> None:
    """Tell whoever waits for a request that there will be no reply."""
    if place.waiter is not None and not place.waiter.done():
        place.waiter.set_exception(error.with_traceback(None))
        place.waiter.exception()  # read once, or asyncio complains when nobody waits any more
