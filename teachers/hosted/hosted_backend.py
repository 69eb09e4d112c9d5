"""What the backends of both vendors share: a model behind a connection, and its price."""

from __future__ import annotations

from abc import abstractmethod
from functools import cached_property
from typing import Any

from teachers.backend import TeacherBackend, Verdict
from teachers.calls.pricing import Price, find_price
from teachers.exchange import JSON
from teachers.hosted.hosted_client import HostedClient, Vendor

__all__ = ["HostedBackend"]


class HostedBackend(TeacherBackend):
    """Asks a model of a vendor, or of a server that speaks like one.

    Args:
        vendor: Whose SDK.
        model: The model's name at the provider.
        base_url: Address of a compatible server; None for the vendor's own.
        api_key_variable: Name of the environment variable that holds the key; None for servers that want no key.
        input_price: Dollars per million tokens read; None to look it up.
        output_price: Dollars per million tokens written; None to look it up.
        timeout_seconds: How long one call may take.
        sampling_parameters: Whether to send temperature and top_p.
        extra_body: Further fields of the request, sent as they are (part of the request key).
        cached_input_price: Dollars per million tokens read from the provider's cache; None to look it up.
    """

    def __init__(
        self,
        vendor: Vendor,
        model: str,
        base_url: str | None,
        api_key_variable: str | None,
        input_price: float | None,
        output_price: float | None,
        timeout_seconds: float,
        sampling_parameters: bool,
        extra_body: dict[str, Any] | None,
        cached_input_price: float | None,
    ) -> None:
        self.model_name = model
        self.base_url = base_url
        self.api_key_variable = api_key_variable
        self.input_price = input_price
        self.output_price = output_price
        self.timeout_seconds = timeout_seconds
        self.sampling_parameters = sampling_parameters
        self.extra_body = extra_body
        self.cached_input_price = cached_input_price
        self.connection = HostedClient(vendor, base_url, api_key_variable, timeout_seconds)

    @property
    @abstractmethod
    def path(self) -> str:
        """Where requests go, below the address."""

    @property
    @abstractmethod
    def settings(self) -> JSON:
        """The settings that change answers, each under the name it has in request keys; one that is unset is not."""

    @property
    def writing_price(self) -> float | None:
        """Dollars per million tokens written to the provider's cache; None to look it up."""
        return None

    @property
    def identity(self) -> JSON:
        """Provider, endpoint and model, and the settings that change answers."""
        return {
            "provider": self.connection.vendor.sdk,
            "endpoint": self.connection.address + self.path,
            "model": self.model_name,
            **{name: value for name, value in self.settings.items() if value},
        }

    @cached_property
    def found_price(self) -> Price | None:
        """The price, looked up once."""
        return find_price(
            self.model_name, self.connection.vendor.sdk, self.base_url,
            self.input_price, self.output_price, self.cached_input_price, self.writing_price,
        )  # fmt: skip

    @property
    def price(self) -> Price | None:
        """The price given, else what genai-prices knows."""
        return self.found_price

    def prepare(self) -> None:
        """Check the key, the address and the library."""
        self.connection.prepare()

    def classify(self, error: Exception) -> Verdict:
        """Read the SDK's errors."""
        return self.connection.classify(error)

    def redact(self, text: str) -> str:
        """Remove the key."""
        return self.connection.redact(text)

    async def aclose(self) -> None:
        """Close the connections."""
        await self.connection.aclose()
