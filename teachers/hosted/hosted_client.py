"""The connection that a hosted backend holds: key, SDK client, rate-limit headers, errors. Both vendors share it."""

from __future__ import annotations

import asyncio
import importlib
import json
import time
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lessons.errors import ConfigError, MissingDependency
from teachers.backend import JSON, Fatal, RateLimited, Transient, Verdict
from teachers.hosted.http_errors import (
    FailedReply,
    MalformedReply,
    NotHonoured,
    checked_body,
    classify_status,
    endpoint,
    never_connected,
    read_secret,
    redact_secret,
)
from teachers.hosted.rate_headers import read_rate_headers
from teachers.rate_news import RateNews

if TYPE_CHECKING:
    from httpx2 import Response

__all__ = ["ANTHROPIC", "OPENAI", "HostedClient", "Vendor"]

LATE_SECONDS = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0)
"""Waits for something that a provider has made but not spread to all its machines yet: two minutes in all."""
FAILED_BY_THE_SERVER = frozenset({"server_error", "api_error", "timeout_error", "request_timeout"})


@dataclass(frozen=True, slots=True)
class Vendor:
    """What differs between the two SDKs."""

    sdk: str
    """Name of the package, and of the extra that installs it."""
    client_class: str
    """Name of the asynchronous client in it."""
    address: str
    """Where it lives when no base_url is given."""
    backend: str
    """Name of our backend, for messages."""


OPENAI = Vendor("openai", "AsyncOpenAI", "https://api.openai.com/v1", "OpenAIBackend")
ANTHROPIC = Vendor("anthropic", "AsyncAnthropic", "https://api.anthropic.com", "AnthropicBackend")


class HostedClient:
    """One SDK client without retries of its own; raw bodies in and out. Connects on the first call.

    Args:
        vendor: Whose SDK.
        base_url: Address of a compatible server; None for the vendor's own.
        api_key_variable: Name of the environment variable that holds the key; None for none.
        timeout_seconds: How long one call may take.
    """

    def __init__(
        self, vendor: Vendor, base_url: str | None, api_key_variable: str | None, timeout_seconds: float
    ) -> None:
        self.vendor = vendor
        self.base_url = base_url
        self.api_key_variable = api_key_variable
        self.timeout_seconds = timeout_seconds
        self.secret: str | None = None
        self.client: Any = None
        self.sleep = asyncio.sleep

    @property
    def address(self) -> str:
        """The address as it goes into request keys."""
        return endpoint(self.base_url, self.vendor.address)

    def prepare(self) -> None:
        """Check the key, the address and the library."""
        _ = self.address
        if self.api_key_variable is not None:
            self.secret = read_secret(self.api_key_variable, self.vendor.backend)
        try:
            importlib.import_module(self.vendor.sdk)
            importlib.import_module("aiohttp")
        except ImportError as error:
            raise MissingDependency(
                f"{self.vendor.backend} needs the packages {self.vendor.sdk} and aiohttp ({error}). "
                f"Install them: pip install 'tutelage[{self.vendor.sdk}]'"
            ) from error

    @property
    def sdk(self) -> Any:
        """The SDK's client, on its fastest transport; made on first use."""
        if self.client is None:
            import httpx2

            self.prepare()
            package = importlib.import_module(self.vendor.sdk)
            # as many connections are kept alive as calls are in flight
            limits = httpx2.Limits(max_connections=None, max_keepalive_connections=None, keepalive_expiry=30.0)
            self.client = getattr(package, self.vendor.client_class)(
                api_key=self.secret or "none",
                base_url=self.base_url or self.vendor.address,
                max_retries=0,
                timeout=self.timeout_seconds,
                http_client=package.DefaultAioHttpClient(limits=limits),
            )
        return self.client

    async def post(self, path: str, body: JSON, required: str, heard: Callable[[RateNews], None] | None = None) -> JSON:
        """Send a body, return the reply's; tell `heard` what the headers say about rate limits, errors' too.

        Raises:
            MalformedReply: The reply has no field `required`.
        """
        # the client's own way to raw replies: half the processor time of building its typed objects (measured)
        try:
            response: Response = await self.sdk.post(path, cast_to=response_type(), body=body)
            if heard is not None:
                tell(response, heard)
            return checked_body(response.content, required, redact=self.redact)
        except Exception as error:
            if heard is not None and hasattr(error, "response"):
                tell(error.response, heard)
            self.clean(error)
            raise

    async def get(self, path: str, required: str, **query: Any) -> JSON:
        """Return the body of a reply, waiting for what the provider does not know of yet."""
        options = {"params": query} if query else {}
        for wait_seconds in (*LATE_SECONDS, None):
            try:
                response: Response = await self.sdk.get(path, cast_to=response_type(), options=options)
                return checked_body(response.content, required, may_be_empty=True, redact=self.redact)
            except Exception as error:
                self.clean(error)
                if wait_seconds is None or not is_late(error):
                    raise
            await self.sleep(wait_seconds)
        raise AssertionError("the last wait is None")

    async def lines(self, open_stream: Callable[[Any], Any], expected: int) -> AsyncGenerator[JSON]:
        """Yield the entries of a result file, each request's once; a large file is never held whole.

        While fewer than `expected` requests can be read, the file is fetched again, for two minutes in all.

        Args:
            open_stream: Given the SDK's client, opens a streamed reply.
            expected: How many requests the provider says it lists.
        """
        seen: set[str] = set()
        for wait_seconds in (*LATE_SECONDS, None):
            try:
                async with open_stream(self.sdk) as response:
                    async for line in response.iter_lines():
                        entry = entry_of(line)
                        if entry is not None and entry["custom_id"] not in seen:
                            seen.add(entry["custom_id"])
                            yield entry
            except Exception as error:
                self.clean(error)
                if wait_seconds is None or not is_late(error):
                    raise
            if wait_seconds is None or len(seen) >= expected:
                return
            await self.sleep(wait_seconds)

    async def upload(self, name: str, content: bytes) -> str:
        """Upload a file of requests; return the provider's name of it."""
        try:
            made = await self.sdk.files.create(file=(name, content, "application/jsonl"), purpose="batch")
            if not getattr(made, "id", None):
                raise MalformedReply("the reply to an upload names no file")
            return str(made.id)
        except Exception as error:
            self.clean(error)
            raise

    def clean(self, error: Exception) -> None:
        """Take the key out of one error; say in it what broke the connection, where one did, which the SDKs do not."""
        cause = error.__cause__
        if cause is not None and isinstance(error, importlib.import_module(self.vendor.sdk).APIConnectionError):
            error.args = (f"{str(cause) or type(cause).__name__} (calling {self.address})",)
        if self.secret is None:
            return
        error.args = tuple(self.redact(arg) if isinstance(arg, str) else arg for arg in error.args)
        for name, value in list(vars(error).items()):
            if isinstance(value, str | dict | list) and self.secret in (text := json.dumps(value, default=str)):
                setattr(error, name, json.loads(self.redact(text)))
        headers = getattr(getattr(error, "request", None), "headers", {})
        for name, value in list(headers.items()):
            if self.secret in value:
                headers[name] = "***"

    def classify(self, error: Exception) -> Verdict:
        """Say whether an error of a call can heal."""
        package = importlib.import_module(self.vendor.sdk)
        if isinstance(error, package.APIStatusError):
            return classify_status(error.status_code, error.response.headers, f"{error} {error.body}")
        if isinstance(error, package.APIConnectionError | MalformedReply):
            return Transient(maybe_billed=not never_connected(error))
        if isinstance(error, FailedReply):
            if error.code == "rate_limit_exceeded":
                return RateLimited()
            return Transient(maybe_billed=True) if error.code in FAILED_BY_THE_SERVER else Fatal(maybe_billed=True)
        return Fatal(everywhere=isinstance(error, ConfigError), maybe_billed=isinstance(error, NotHonoured))

    def redact(self, text: str) -> str:
        """Remove the key from a text."""
        return redact_secret(text, self.secret)

    async def aclose(self) -> None:
        """Close the connections."""
        client, self.client = self.client, None
        if client is not None:
            await client.close()


def response_type() -> type[Response]:
    """Return the class of raw replies."""
    import httpx2

    return httpx2.Response


def tell(response: Response, heard: Callable[[RateNews], None]) -> None:
    """Tell what a reply's headers say about rate limits, if they do."""
    news = read_rate_headers(response.headers.raw, time.time())
    if news is not None:
        heard(news)


def is_late(error: Exception) -> bool:
    """Whether the provider does not find something, which may be because it is new."""
    return getattr(error, "status_code", None) == 404


def entry_of(line: str) -> JSON | None:
    """Return the entry in one line of a result file; None if there is none."""
    try:
        entry = json.loads(line)
    except ValueError:
        return None
    return entry if isinstance(entry, dict) and isinstance(entry.get("custom_id"), str) else None
