"""Teachers that speak OpenAI's chat completions: OpenAI itself, and any compatible server by its base_url."""

from __future__ import annotations

import json
from functools import cached_property
from typing import TYPE_CHECKING, Any

from lessons.errors import MissingDependency
from teachers.backend import JSON, Completion, FinishReason, Request, TeacherBackend, Transient, Verdict
from teachers.http_errors import MalformedReply, classify_status, endpoint, read_secret, redact_secret
from teachers.pricing import Price, find_price

if TYPE_CHECKING:
    from httpx2 import Limits, Response
    from openai import AsyncOpenAI

__all__ = ["OpenAIBackend"]

ENDED: dict[str, FinishReason] = {"length": "length", "content_filter": "refusal"}


class OpenAIBackend(TeacherBackend):
    """Asks a model through chat completions.

    Args:
        model: The model's name at the provider.
        base_url: Address of a compatible server (vLLM, llama.cpp, Ollama ...), ending in /v1; None for OpenAI.
        api_key_variable: Name of the environment variable that holds the key; None for servers that want no key.
        input_price: Dollars per million tokens read; None to look it up.
        output_price: Dollars per million tokens written; None to look it up.
        timeout_seconds: How long one call may take.
        reasoning_effort: For reasoning models: "minimal", "low", "medium", "high"; None leaves it out.
        token_limit_field: Name of the field for max_output_tokens: "max_completion_tokens", or "max_tokens" for older
            servers; None chooses the former for OpenAI and the latter elsewhere.
        sampling_parameters: Whether to send temperature and top_p; some newer models refuse them.
        extra_body: Further fields of the request, sent as they are (part of the request key).
    """

    gives = frozenset({"text", "seed", "schema"})

    def __init__(
        self,
        model: str,
        base_url: str | None = None,
        api_key_variable: str | None = "OPENAI_API_KEY",
        input_price: float | None = None,
        output_price: float | None = None,
        timeout_seconds: float = 600.0,
        reasoning_effort: str | None = None,
        token_limit_field: str | None = None,
        sampling_parameters: bool = True,
        extra_body: dict[str, Any] | None = None,
    ) -> None:
        self.model_name = model
        self.base_url = base_url
        self.api_key_variable = api_key_variable
        self.input_price = input_price
        self.output_price = output_price
        self.timeout_seconds = timeout_seconds
        self.reasoning_effort = reasoning_effort
        self.token_limit_field = token_limit_field
        self.sampling_parameters = sampling_parameters
        self.extra_body = extra_body
        self.client: AsyncOpenAI | None = None
        self.secret: str | None = None

    @property
    def identity(self) -> JSON:
        """Endpoint, model, and the settings that change answers."""
        settings = {
            "reasoning_effort": self.reasoning_effort,
            "extra_body": self.extra_body,
            "no_sampling_parameters": not self.sampling_parameters,
        }
        return {
            "provider": "openai",
            "endpoint": endpoint(self.base_url, "https://api.openai.com/v1") + "/chat/completions",
            "model": self.model_name,
            **{name: value for name, value in settings.items() if value},
        }

    @cached_property
    def found_price(self) -> Price | None:
        """The price, looked up once."""
        return find_price(self.model_name, "openai", self.base_url, self.input_price, self.output_price)

    @property
    def price(self) -> Price | None:
        """The price given, else what genai-prices knows."""
        return self.found_price

    def prepare(self) -> None:
        """Check the key, the address and the library."""
        _ = self.identity
        if self.api_key_variable is not None:
            self.secret = read_secret(self.api_key_variable, "OpenAIBackend")
        try:
            import openai  # noqa: F401
        except ImportError as error:
            raise MissingDependency(
                "OpenAIBackend needs the packages openai and aiohttp. Install them: pip install 'tutelage[openai]'"
            ) from error

    def connect(self) -> AsyncOpenAI:
        """Make the client, on the SDK's fastest transport and without its own retries."""
        from openai import AsyncOpenAI, DefaultAioHttpClient

        self.prepare()
        return AsyncOpenAI(
            api_key=self.secret or "none",
            base_url=self.base_url or "https://api.openai.com/v1",
            organization=None,
            max_retries=0,
            timeout=self.timeout_seconds,
            http_client=DefaultAioHttpClient(limits=pool_limits()),
        )

    async def send(self, request: Request) -> JSON:
        """Send a request; return the body of the reply."""
        if self.client is None:
            self.client = self.connect()
        # the client's own way to raw replies: half the processor time of building its typed objects (measured)
        response = await self.client.post("/chat/completions", cast_to=response_type(), body=self.body(request))
        return checked_body(response.content, "choices")

    def body(self, request: Request) -> dict[str, Any]:
        """Return the fields of a request."""
        sampling = request.sampling
        newer = "max_completion_tokens" if self.base_url is None else "max_tokens"
        body: dict[str, Any] = {
            "model": self.model_name,
            "messages": [{"role": message.role, "content": message.content} for message in request.messages],
            self.token_limit_field or newer: sampling.max_output_tokens,
        }
        if sampling.temperature is not None and self.sampling_parameters:
            body["temperature"] = sampling.temperature
        if sampling.top_p != 1.0 and self.sampling_parameters:
            body["top_p"] = sampling.top_p
        if request.seed is not None:
            body["seed"] = request.seed
        if sampling.stop:
            body["stop"] = list(sampling.stop)
        if request.schema is not None:
            schema = {"name": "reply", "strict": True, "schema": dict(request.schema)}
            body["response_format"] = {"type": "json_schema", "json_schema": schema}
        if self.reasoning_effort is not None:
            body["reasoning_effort"] = self.reasoning_effort
        return {**body, **(self.extra_body or {})}

    def read(self, raw: JSON) -> Completion:
        """Read the first choice."""
        choice = raw["choices"][0]
        message, usage = choice["message"], raw.get("usage") or {}
        refusal = message.get("refusal")
        details = usage.get("prompt_tokens_details") or {}
        return Completion(
            text=refusal or message.get("content") or "",
            finish_reason="refusal" if refusal else ENDED.get(choice.get("finish_reason") or "stop", "stop"),
            input_tokens=usage.get("prompt_tokens"),
            output_tokens=usage.get("completion_tokens"),
            model=raw.get("model") or self.model_name,
            cached_input_tokens=details.get("cached_tokens") or 0,
            reasoning=message.get("reasoning_content") or message.get("reasoning"),
        )

    def classify(self, error: Exception) -> Verdict:
        """Read the SDK's errors."""
        import openai

        if isinstance(error, openai.APIStatusError):
            return classify_status(error.status_code, error.response.headers, f"{error} {error.body}")
        if isinstance(error, openai.APIConnectionError | MalformedReply):
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


def response_type() -> type[Response]:
    """Return the class of raw replies."""
    import httpx2

    return httpx2.Response


def pool_limits() -> Limits:
    """Return connection limits that keep as many connections alive as calls are in flight."""
    import httpx2

    return httpx2.Limits(max_connections=None, max_keepalive_connections=None, keepalive_expiry=30.0)


def checked_body(content: bytes, required: str) -> JSON:
    """Parse the body of a reply; one without an answer is an error, not a reply to be kept."""
    try:
        raw = json.loads(content)
    except ValueError as error:
        raise MalformedReply(f"the body is not JSON ({error}): {content[:200]!r}") from error
    if not isinstance(raw, dict) or not raw.get(required):
        raise MalformedReply(f"the body has no {required!r}: {content[:200]!r}")
    return raw


def refused_connection(error: BaseException) -> bool:
    """Whether a connection was never made, so that nothing can have been billed."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ConnectionRefusedError) or type(cause).__name__ in ("ConnectError", "ConnectTimeout"):
            return True
        cause = cause.__cause__ or cause.__context__
    return False
