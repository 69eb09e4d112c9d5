"""Shared by the tests of teachers: prompts about sums, the emulated provider, and both hosted backends."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from provider import serving

from lessons.graders import NumberGrader
from lessons.records import Message, Prompt
from teachers import AnthropicBackend, Limits, OpenAIBackend, TeacherBackend

KEY = "planted-secret-8412"
QUICK = Limits(in_flight=20, attempts=4, first_wait_seconds=0.02, longest_wait_seconds=0.1)


@pytest.fixture
def loopback() -> Any:
    """The context manager that runs a provider."""
    return serving


@pytest.fixture
def sums() -> Callable[[int], list[Prompt]]:
    def make(count: int) -> list[Prompt]:
        pairs = [(100 + k, 7 * k % 1000) for k in range(count)]
        return [Prompt(f"p{a}", (Message("user", f"{a}+{b}=?"),), reference=str(a + b)) for a, b in pairs]

    return make


@pytest.fixture
def grader() -> NumberGrader:
    return NumberGrader()


@pytest.fixture
def bare_template(tmp_path: Path) -> str:
    """A template of one short message: small calls, and the question is all that tells them apart."""
    path = tmp_path / "bare.txt"
    path.write_text("name: bare/1\n[user]\n{{ question }}\nEnd with: Answer: <answer>\n")
    return str(path)


@pytest.fixture
def quick() -> Limits:
    return QUICK


@pytest.fixture(params=["openai", "anthropic"])
def hosted(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Callable[..., TeacherBackend]:
    """Makes a hosted backend for a provider; priced at 1 and 2 dollars per million tokens."""
    monkeypatch.setenv("TEST_KEY", KEY)

    def make(provider: Any, **settings: Any) -> TeacherBackend:
        settings = {"api_key_variable": "TEST_KEY", "input_price": 1.0, "output_price": 2.0, **settings}
        if request.param == "openai":
            return OpenAIBackend("gpt-test", provider.openai_url, **settings)
        return AnthropicBackend("claude-test", provider.anthropic_url, **settings)

    return make
