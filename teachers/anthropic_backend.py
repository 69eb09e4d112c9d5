"""Teachers that speak Anthropic's messages."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from lessons.errors import MissingDependency
from teachers.backend import JSON, Completion, FinishReason, Request, TeacherBackend, Transient, Verdict
from teachers.http_errors import MalformedReply, classify_status, endpoint, read_secret, redact_secret
from teachers.openai_backend import checked_body, pool_limits, refused_connection, response_type
from teachers.pricing import Price, find_price

if TYPE_CHECKING:
    from anthropic import AsyncAnthropic

__all__ = ["AnthropicBackend"]

ENDED: dict[str, FinishReason] = {
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "refusal": "refusal",
}


class AnthropicBackend(TeacherBackend):
    """Asks a model through messages.

    Args:
        model: The model's name at the provider.
        base_url: Address of a compatible server; None for Anthropic.
        api_key_variable: Name of the environment variable that holds the key; None for servers that want no key.
        input_price: Dollars per million tokens read; None to look it up.
        output_price: Dollars per million tokens written; None to look it up.
        timeout_seconds: How long one call may take.
        sampling_parameters: Whether to send temperature and top_p; some newer models refuse them.
        extra_body: Further fields of the request, sent as they are (part of the request key).
    """

    gives = frozenset({"text"})

    def __init__(
        self,
        model: str,
        base_url: str | None = None,
        api_key_variable: str | None = "ANTHROPIC_API_KEY",
        input_price: float | None = None,
        output_price: float | None = None,
        timeout_seconds: float = 600.0,
        sampling_parameters: bool = True,
        extra_body: dict[str, Any] | None = None,
    ) -> None:
        self.model_name = model
        self.base_url = base_url
        self.api_key_variable = api_key_variable
        self.input_price = input_price
        self.output_price = output_price
        self.timeout_seconds = timeout_seconds
        self.sampling_parameters = sampling_parameters
        self.extra_body = extra_body
        self.client: AsyncAnthropic | None = None
        self.secret: str | None = None

    @property
    def identity(self) -> JSON:
        """Endpoint, model, and the settings that change answers."""
        settings = {"extra_body": self.extra_body, "no_sampling_parameters": not self.sampling_parameters}
        return {
            "provider": "anthropic",
            "endpoint": endpoint(self.base_url, "https://api.anthropic.com") + "/v1/messages",
            "model": self.model_name,
            **{name: value for name, value in settings.items() if value},
        }

    @cached_property
    def found_price(self) -> Price | None:
        """The price, looked up once."""
        return find_price(self.model_name, "anthropic", self.base_url, self.input_price, self.output_price)

    @property
    def price(self) -> Price | None:
        """The price given, else what genai-prices knows."""
        return self.found_price

    def prepare(self) -> None:
        """Check the key, the address and the library."""
        _ = self.identity
        if self.api_key_variable is not None:
            self.secret = read_secret(self.api_key_variable, "AnthropicBackend")
        try:
            import anthropic  # noqa: F401
        except ImportError as error:
            raise MissingDependency(
                "AnthropicBackend needs the packages anthropic and aiohttp. "
                "Install them: pip install 'tutelage[anthropic]'"
            ) from error

    def connect(self) -> AsyncAnthropic:
        """Make the client, on the SDK's fastest transport and without its own retries."""
        from anthropic import AsyncAnthropic, DefaultAioHttpClient

        self.prepare()
        return AsyncAnthropic(
            api_key=self.secret or "none",
            base_url=self.base_url or "https://api.anthropic.com",
            max_retries=0,
            timeout=self.timeout_seconds,
            http_client=DefaultAioHttpClient(limits=pool_limits()),
        )

    async def send(self, request: Request) -> JSON:
        """Send a request; return the body of the reply."""
        if self.client is None:
            self.client = self.connect()
        # the client's own way to raw replies: two thirds of the processor time of building its typed objects (measured)
        response = await self.client.post("/v1/messages", cast_to=response_type(), body=self.body(request))
        return checked_body(response.content, "stop_reason")

    def body(self, request: Request) -> dict[str, Any]:
        """Return the fields of a request."""
        sampling = request.sampling
        system = "\n\n".join(message.content for message in request.messages if message.role == "system")
        body: dict[str, Any] = {
            "model": self.model_name,
            "max_tokens": sampling.max_output_tokens,
            "messages": [
                {"role": message.role, "content": message.content}
                for message in request.messages
                if message.role != "system"
            ],
        }
        if system:
            body["system"] = system
        if sampling.stop:
            body["stop_sequences"] = list(sampling.stop)
        if sampling.temperature is not None and self.sampling_parameters:
            body["temperature"] = sampling.temperature
        if sampling.top_p != 1.0 and self.sampling_parameters:
            body["top_p"] = sampling.top_p
        return {**body, **(self.extra_body or {})}

    def read(self, raw: JSON) -> Completion:
        """Read the text blocks; thinking is kept apart."""
        blocks, usage = raw.get("content") or [], raw.get("usage") or {}
        cached = usage.get("cache_read_input_tokens") or 0
        fresh = usage.get("input_tokens")
        written_to_cache = usage.get("cache_creation_input_tokens") or 0
        thinking = "".join(block["thinking"] for block in blocks if block["type"] == "thinking")
        return Completion(
            text="".join(block["text"] for block in blocks if block["type"] == "text"),
            finish_reason=ENDED.get(raw["stop_reason"], "stop"),
            input_tokens=None if fresh is None else fresh + cached + written_to_cache,
            output_tokens=usage.get("output_tokens"),
            model=raw.get("model") or self.model_name,
            cached_input_tokens=cached,
            reasoning=thinking or None,
        )

    def classify(self, error: Exception) -> Verdict:
        """Read the SDK's errors."""
        import anthropic

        if isinstance(error, anthropic.APIStatusError):
            return classify_status(error.status_code, error.response.headers, f"{error} {error.body}")
        if isinstance(error, anthropic.APIConnectionError | MalformedReply):
            return Transient(maybe_billed=not refused_connection(error))
        return super().classify(error)

    def redact(self, text: str) -> str:
        """Remove the key."""
        return redact_secret(text, self.secret)

    async def aclose(self) -> None:
        """Close the connections."""
        client, self.client = self.client, None
        if client is not None:
            await client.close()
