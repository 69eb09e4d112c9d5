"""Teachers that speak OpenAI's chat completions or responses: OpenAI itself, and compatible servers by base_url."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Literal

from lessons.errors import ConfigError
from teachers.calls.request_keys import request_json
from teachers.exchange import JSON, Completion, Request
from teachers.hosted import openai_chat, openai_responses
from teachers.hosted.hosted_backend import HostedBackend
from teachers.hosted.hosted_client import OPENAI
from teachers.hosted.openai_batches import OpenAIBatches
from teachers.hosted.openai_samples import split

__all__ = ["OpenAIBackend"]

CHOICES_OF_OPENAI = 8


class OpenAIBackend(HostedBackend):
    """Asks a model through chat completions or the Responses API.

    Args:
        model: The model's name at the provider.
        base_url: Address of a compatible server (vLLM, llama.cpp, Ollama ...), ending in /v1; None for OpenAI.
        api_key_variable: Name of the environment variable that holds the key; None for servers that want no key.
        input_price: Dollars per million tokens read; None to look it up.
        output_price: Dollars per million tokens written; None to look it up.
        timeout_seconds: How long one call may take.
        reasoning_effort: For reasoning models: "minimal", "low", "medium", "high"; None leaves it out.
        token_limit_field: Name of chat's field for max_output_tokens: "max_completion_tokens", or "max_tokens" for
            older servers; None chooses the former for OpenAI and the latter elsewhere.
        sampling_parameters: Whether to send temperature and top_p; some newer models refuse them.
        extra_body: Further fields of the request, sent as they are (part of the request key).
        api: "chat" for chat completions, which most servers speak; "responses" for OpenAI's newer interface, which
            can show a summary of the reasoning (extra_body: {reasoning: {effort: low, summary: auto}}).
        choices_per_call: The most samples of one question that one call draws (chat's field n), so that the question
            is paid once; None for 8 at OpenAI and 1 elsewhere, since many servers ignore the field.
        schemas: Whether to send JSON schemas; for servers that fail on them, false.
        cached_input_price: Dollars per million tokens read from the provider's cache; None to look it up.
    """

    gives = frozenset({"text", "seed", "schema", "logprobs"})

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
        api: Literal["chat", "responses"] = "chat",
        choices_per_call: int | None = None,
        schemas: bool = True,
        cached_input_price: float | None = None,
    ) -> None:
        super().__init__(
            OPENAI, model, base_url, api_key_variable, input_price, output_price, timeout_seconds,
            sampling_parameters, extra_body, cached_input_price,
        )  # fmt: skip
        self.reasoning_effort = reasoning_effort
        self.token_limit_field = token_limit_field
        self.api = api
        self.choices_per_call = choices_per_call
        self.schemas = schemas
        self.gives = frozenset(
            {"text", "logprobs"} | ({"schema"} if schemas else set()) | ({"seed"} if api == "chat" else set())
        )
        usual_choices = CHOICES_OF_OPENAI if base_url is None else 1
        self.samples_per_call = (choices_per_call or usual_choices) if api == "chat" else 1
        self.spare: dict[str, list[JSON]] = {}
        """Replies that came for some samples of a question while a call for others failed, by the question."""

    @property
    def wire(self) -> Any:
        """The module that writes and reads the format."""
        return openai_chat if self.api == "chat" else openai_responses

    @property
    def path(self) -> str:
        """Where requests of the interface go."""
        return str(self.wire.PATH)

    @property
    def settings(self) -> JSON:
        """The settings that change answers."""
        return {
            "reasoning_effort": self.reasoning_effort,
            "extra_body": self.extra_body,
            "no_sampling_parameters": not self.sampling_parameters,
            "no_schemas": not self.schemas,
        }

    def prepare(self) -> None:
        """Check the settings, the key, the address and the library."""
        if self.api not in ("chat", "responses"):
            raise ConfigError(f"api must be chat or responses, got {self.api!r}. Correct it in the teacher's settings.")
        if self.choices_per_call is not None and self.choices_per_call < 1:
            raise ConfigError(
                f"choices_per_call must be 1 or more, got {self.choices_per_call}. Leave it out for the usual number."
            )
        super().prepare()

    def body(self, request: Request) -> JSON:
        """Return the fields of a request."""
        if request.continuation is not None:
            raise ConfigError(
                f"OpenAIBackend cannot score a given text, got one of {len(request.continuation)} characters; it "
                "reports log-probabilities only of what it writes. Score with a TransformersBackend."
            )
        if not self.schemas and request.schema is not None:
            request = replace(request, schema=None)
        if self.api == "responses":
            fields = openai_responses.body(request, self.model_name, self.sampling_parameters, self.reasoning_effort)
        else:
            limit = self.token_limit_field or ("max_completion_tokens" if self.base_url is None else "max_tokens")
            fields = openai_chat.body(request, self.model_name, limit, self.sampling_parameters, self.reasoning_effort)
        return {**fields, **self.extra_body} if self.extra_body else fields

    async def send(self, request: Request) -> JSON:
        """Send a request; return the body of the reply."""
        if self.spare and (kept := self.take(request, 1)):
            return kept[0]
        return await self.ask(request, self.body(request))

    async def ask(self, request: Request, body: JSON) -> JSON:
        """Make one call."""
        raw = await self.connection.post(self.path, body, self.wire.REQUIRED, self.heard)
        self.wire.check_honoured(raw, request)
        return raw

    async def send_samples(self, requests: Sequence[Request]) -> list[JSON]:
        """Draw the samples by one call; what a server leaves out of it is asked for one by one."""
        first = requests[0]
        if self.api != "chat" or first.seed is not None:
            return [await self.send(request) for request in requests]
        found = self.take(first, len(requests))
        try:
            if not found:
                found = split(await self.ask(first, {**self.body(first), "n": len(requests)}))
                if len(found) < len(requests):
                    self.samples_per_call = len(found)  # this server ignores n, or bounds it lower
            for request in requests[len(found) :]:
                found.append(await self.ask(request, self.body(request)))
        except BaseException:
            if found:
                self.spare[question(first)] = found  # they are paid: the next try takes them first
            raise
        return found[: len(requests)]

    def take(self, request: Request, count: int) -> list[JSON]:
        """Return replies to samples of this question that are paid already, at most `count`."""
        kept = self.spare.pop(question(request), []) if self.spare else []
        if kept[count:]:
            self.spare[question(request)] = kept[count:]
        return kept[:count]

    def read(self, raw: JSON) -> Completion:
        """Read a reply of either interface."""
        if "choices" in raw:
            return openai_chat.read(raw, self.model_name)
        return openai_responses.read(raw, self.model_name)

    @property
    def batch_api(self) -> OpenAIBatches:
        """OpenAI's batches, by the same interface."""
        return OpenAIBatches(self.connection, f"/v1{self.path}", self.body, self.wire.REQUIRED)


def question(request: Request) -> str:
    """Return what the samples of one question have in common."""
    return request_json(replace(request, sample=0))
