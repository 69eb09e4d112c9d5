"""Teachers that speak Anthropic's messages."""

from __future__ import annotations

from typing import Any

from lessons.errors import ConfigError
from teachers.exchange import JSON, Completion, Request
from teachers.hosted import anthropic_messages as messages
from teachers.hosted.anthropic_batches import AnthropicBatches
from teachers.hosted.hosted_backend import HostedBackend
from teachers.hosted.hosted_client import ANTHROPIC

__all__ = ["AnthropicBackend"]

WRITING_COSTS = 1.25  # times reading: the provider's price of keeping a token for five minutes


class AnthropicBackend(HostedBackend):
    """Asks a model through messages. Structured answers are drawn through a tool that the model must use.

    Args:
        model: The model's name at the provider.
        base_url: Address of a compatible server; None for Anthropic.
        api_key_variable: Name of the environment variable that holds the key; None for servers that want no key.
        input_price: Dollars per million tokens read; None to look it up.
        output_price: Dollars per million tokens written; None to look it up.
        timeout_seconds: How long one call may take.
        sampling_parameters: Whether to send temperature and top_p; some newer models refuse them.
        extra_body: Further fields of the request, sent as they are (part of the request key).
        thinking_tokens: The most tokens of thinking before the answer, 1,024 or more and less than the annotator's
            max_output_tokens, which counts them; None for none. No temperature is sent then. Models that size their
            thinking themselves: extra_body: {thinking: {type: adaptive}} with sampling_parameters: false.
        cache_prefix: Whether to have the provider keep the system message and the earlier turns for five minutes:
            dearer when first read, a tenth of the price afterwards. Pays off where many requests share a long start.
        cached_input_price: Dollars per million tokens read from the provider's cache; None to look it up.
        cache_write_price: Dollars per million tokens written to it; None to look it up, or 1.25 times input_price.
    """

    gives = frozenset({"text", "schema"})

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
        thinking_tokens: int | None = None,
        cache_prefix: bool = False,
        cached_input_price: float | None = None,
        cache_write_price: float | None = None,
    ) -> None:
        super().__init__(
            ANTHROPIC, model, base_url, api_key_variable, input_price, output_price, timeout_seconds,
            sampling_parameters, extra_body, cached_input_price,
        )  # fmt: skip
        self.thinking_tokens = thinking_tokens
        self.cache_prefix = cache_prefix
        self.cache_write_price = cache_write_price

    @property
    def path(self) -> str:
        """Where messages go."""
        return messages.PATH

    @property
    def settings(self) -> JSON:
        """The settings that change answers."""
        return {
            "extra_body": self.extra_body,
            "no_sampling_parameters": not self.sampling_parameters,
            "thinking_tokens": self.thinking_tokens,
        }

    @property
    def writing_price(self) -> float | None:
        """Dollars per million tokens written to the cache: the price given, else by the price of reading, if given."""
        if self.cache_write_price is None and self.input_price is not None:
            return WRITING_COSTS * self.input_price
        return self.cache_write_price

    def prepare(self) -> None:
        """Check the settings, the key, the address and the library."""
        if self.thinking_tokens is not None and self.thinking_tokens < messages.LEAST_THINKING:
            raise ConfigError(
                f"thinking_tokens must be {messages.LEAST_THINKING:,} or more, got {self.thinking_tokens}. Raise it, "
                "or leave it out for no thinking."
            )
        super().prepare()

    def body(self, request: Request) -> JSON:
        """Return the fields of a request."""
        if request.continuation is not None or request.top_logprobs:
            raise ConfigError(
                f"AnthropicBackend gives no log-probabilities, got top_logprobs={request.top_logprobs}"
                f"{'' if request.continuation is None else ' and a text to score'}. Ask an OpenAIBackend or a "
                "TransformersBackend for them."
            )
        fields = messages.body(request, self.model_name, self.sampling_parameters, self.thinking_tokens)
        if self.extra_body:
            fields.update(self.extra_body)
        if request.schema is not None:
            messages.hold_to_schema(fields, request)
        if self.cache_prefix:
            messages.mark_prefix(fields)
        return fields

    async def send(self, request: Request) -> JSON:
        """Send a request; return the body of the reply."""
        return await self.connection.post(messages.PATH, self.body(request), messages.REQUIRED, self.heard)

    def read(self, raw: JSON) -> Completion:
        """Read text, thinking and usage."""
        return messages.read(raw, self.model_name)

    @property
    def batch_api(self) -> AnthropicBatches:
        """Anthropic's message batches, by the same interface."""
        return AnthropicBatches(self.connection, self.body)
