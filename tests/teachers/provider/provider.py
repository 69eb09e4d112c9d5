"""The provider itself: it checks the key and the limits, meets its faults, answers, charges, and remembers."""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from dataclasses import dataclass, field
from typing import Any

from provider import anthropic_wire, openai_wire
from provider.answers import Answer, arithmetic
from provider.anthropic_batches import AnthropicBatches
from provider.batch_room import BatchRoom
from provider.batch_work import Batch
from provider.bill import Bill, Prices
from provider.clock import Clock
from provider.desk import FORMATS, Desk, call_key
from provider.faults import Event, Fault, no_faults
from provider.http_server import Call, Delivery, Reply
from provider.openai_batches import OpenAIBatches
from provider.rate_limits import Gate, RateLimits, Refusal

__all__ = ["Provider"]

DELIVERIES: dict[str | None, Delivery] = {
    "reset": "nothing",
    "reset after work": "nothing",
    "reset in body": "half",
    "slow": "slowly",
    "twice": "twice",
}
KEPT = 2_000


@dataclass
class Provider:
    """One account at a provider that speaks both vendors' formats."""

    answer: Answer = arithmetic
    fault: Fault = no_faults
    limits: RateLimits = field(default_factory=RateLimits)
    prices: Prices = field(default_factory=Prices)
    clock: Clock = field(default_factory=Clock)
    key: str | None = None
    """The only key that is let in; None lets any in."""
    latency_seconds: float = 0.0
    batch_seconds: float = 0.2
    results_late_seconds: float = 0.0
    """How long Anthropic's results answer 404 after a batch has ended."""
    known_late_seconds: float = 0.0
    """How long a new batch of Anthropic's answers 404."""
    retry_after_seconds: float = 0.05
    """What a 429, 503 or 529 of the fault schedule says."""
    smallest_cached: int = 1_024
    port: int = 0

    def __post_init__(self) -> None:
        self.bill = Bill(self.prices)
        self.desk = Desk(self.answer, self.bill, self.smallest_cached)
        self.gate = Gate(self.limits)
        self.seen: Counter[tuple[str, str]] = Counter()
        """How often each (place, content) was asked."""
        self.received: Counter[str] = Counter()
        """Live calls received, by everything that decides the reply."""
        self.arrivals: list[float] = []
        """When live calls came, by the clock that only runs forward."""
        self.faults: Counter[str] = Counter()
        """Faults met, as "place: fault"."""
        self.bodies: deque[dict[str, Any]] = deque(maxlen=KEPT)
        self.headers: deque[dict[str, str]] = deque(maxlen=KEPT)
        self.room = BatchRoom(self.desk, self.meet, self.clock, self.batch_seconds)
        self.openai_batches = OpenAIBatches(self.room)
        self.anthropic_batches = AnthropicBatches(self.room, self.results_late_seconds, self.known_late_seconds)

    @property
    def calls(self) -> Counter[str]:
        """How often each call was charged and its reply sent whole."""
        return self.bill.times_delivered()

    @property
    def billed_tokens(self) -> int:
        """Tokens read and written, of all that was charged."""
        return sum(charge.input_tokens + charge.output_tokens for charge in self.bill.charges)

    @property
    def anthropic_url(self) -> str:
        """What Anthropic's clients are given."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def openai_url(self) -> str:
        """What OpenAI's clients are given."""
        return f"{self.anthropic_url}/v1"

    async def handle(self, call: Call) -> Reply:
        """Answer one HTTP request."""
        self.headers.append(call.headers)
        if (problem := self.key_problem(call)) is not None:
            return Reply.of(401, self.error(call.path, 401, problem))
        live = call.method == "POST" and call.path in FORMATS
        reply = await self.live(call) if live else self.about_batches(call)
        reply.headers.setdefault("date", self.clock.http_date())
        reply.headers.setdefault("x-request-id", f"req_{self.room.next_number()}")
        return reply

    def key_problem(self, call: Call) -> str | None:
        given = call.headers.get("x-api-key") or call.headers.get("authorization", "").removeprefix("Bearer ")
        if not given:
            return "You didn't provide an API key."
        # Spelled out, unlike the real ones, to see whether anyone writes it down.
        return None if self.key in (None, given) else f"Incorrect API key provided: {given}."

    async def live(self, call: Call) -> Reply:
        """Answer a call that wants its answer now."""
        body = call.json()
        self.bodies.append(body)
        problem = FORMATS[call.path].problem(body)
        if problem is not None:
            return Reply.of(400, self.error(call.path, 400, problem))
        conversation = FORMATS[call.path].conversation(body)
        key, now = call_key(call.path, conversation), self.clock.now()
        before = self.received[key]
        self.received[key] += 1
        self.arrivals.append(now)
        most = conversation.most_tokens * len(conversation.draws)
        refusal = self.gate.admit(conversation.input_tokens, most, now)
        if refusal is not None:
            return self.refused(call.path, refusal)
        written = 0
        try:
            if self.latency_seconds:
                await asyncio.sleep(self.latency_seconds)
            fault = self.meet(Event("call", conversation.question, before))
            if (failed := self.failure(call.path, fault)) is not None:
                return failed
            answered = self.desk.work(call.path, body, fault)
            written = self.bill.charges[-1].output_tokens
            return self.sent(Reply.of(200, answered, self.rate_headers(call.path)), fault)
        finally:
            self.gate.finish(written, self.clock.now())

    def about_batches(self, call: Call) -> Reply:
        """Answer a request about files or batches."""
        place = place_of(call)
        content = f"{call.method} {call.path}"
        fault = self.meet(Event(place, content, self.seen[place, content]))
        self.seen[place, content] += 1
        if (failed := self.failure(call.path, fault)) is not None:
            return failed
        anthropic = call.path.startswith("/v1/messages/")
        reply = self.anthropic_batches.route(call) if anthropic else self.openai_batches.route(call)
        if reply is None:
            return Reply.of(404, self.error(call.path, 404, f"Unknown request URL: {content}"))
        return self.sent(reply, fault)

    def meet(self, event: Event) -> str | None:
        """Ask the schedule, and count."""
        fault = self.fault(event)
        if fault is not None:
            self.faults[f"{event.place}: {fault}"] += 1
        return fault

    def failure(self, path: str, fault: str | None) -> Reply | None:
        """Return the reply to a call that is not worked on; None if the fault leaves that to later."""
        if fault == "reset":
            return Reply(200, b"{}", delivery="nothing")
        if fault == "no answer":
            return Reply.of(200, {"error": {"message": "upstream had nothing to say"}})
        given = self.headers[-1].get("authorization") or self.headers[-1].get("x-api-key") or ""
        if fault == "echo":  # a proxy's page for its own developers; its 200 first characters end within the key
            return Reply(200, f"{'x' * (200 - len(given) // 2)}{given}".encode(), content_type="text/html")
        if fault == "quota" and path.startswith("/v1/messages"):
            return Reply.of(400, self.error(path, 400, "Your credit balance is too low to access the Anthropic API."))
        if fault == "quota":
            message = "You exceeded your current quota, please check your plan and billing details."
            return Reply.of(429, self.error(path, 429, message, "insufficient_quota"))
        status = (fault or "").partition(" ")[0]
        if not status.isdigit():
            return None
        headers = {}
        if status in ("429", "503", "529") and not (fault or "").endswith("silent"):
            headers = {"retry-after": f"{self.retry_after_seconds:g}"}
        shown = f" for the key {self.headers[-1].get('authorization') or self.headers[-1].get('x-api-key')}"
        return Reply.of(
            int(status), self.error(path, int(status), f"fault {status}{shown * (status == '401')}"), headers
        )

    def sent(self, reply: Reply, fault: str | None) -> Reply:
        """Put what goes wrong on the way into a reply."""
        reply.delivery = DELIVERIES.get(fault, "whole")
        if fault == "cut json":
            reply.body = reply.body[: len(reply.body) // 2]
        return reply

    def refused(self, path: str, refusal: Refusal) -> Reply:
        """Return the 429 of a limit."""
        wait = refusal.wait_seconds
        message = f"Rate limit reached on {refusal.meter}. Please try again in {wait:.3f}s."
        headers = self.rate_headers(path)
        if self.limits.tell_wait and 0 < wait < float("inf"):
            wire = anthropic_wire if path.startswith("/v1/messages") else openai_wire
            headers |= wire.wait_headers(wait)
        return Reply.of(429, self.error(path, 429, message, "rate_limit_exceeded"), headers)

    def rate_headers(self, path: str) -> dict[str, str]:
        if not self.limits.tell:
            return {}
        meters, now = self.gate.meters, self.clock.now()
        if path.startswith("/v1/messages"):
            return anthropic_wire.rate_headers(meters, now, self.clock)
        return openai_wire.rate_headers(meters, now)

    def error(self, path: str, status: int, message: str, code: str | None = None) -> dict[str, Any]:
        wire = anthropic_wire if path.startswith("/v1/messages") else openai_wire
        body: dict[str, Any] = wire.error(status, message, code)
        return body

    def settle(self) -> None:
        """Do and charge the work of all batches that have ended."""
        self.room.settle()

    @property
    def batches(self) -> dict[str, Batch]:
        """All batches ever handed in, by their names, the oldest first."""
        return self.room.batches


def place_of(call: Call) -> str:
    """Return the name of a request about batches in fault schedules."""
    last = call.path.rpartition("/")[2]
    if last in ("cancel", "results"):
        return last
    if last == "content":
        return "results"
    if call.method == "POST":
        return "upload" if last == "files" else "submit"
    return "list" if last in ("batches", "files") else "status"
