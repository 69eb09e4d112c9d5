"""What a local teacher did: a count that costs no torch to import."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["GenerationStats"]


@dataclass(slots=True)
class GenerationStats:
    """What a local teacher did so far."""

    requests: int = 0
    """Completions written or scored."""
    batches: int = 0
    """Batches of them."""
    input_tokens: int = 0
    """Tokens of the conversations, each sample's counted."""
    read_tokens: int = 0
    """Tokens that went through the model to read conversations: fewer where samples shared them; padding counted."""
    output_tokens: int = 0
    """Tokens written, end-of-turn included."""
    seconds: float = 0.0
    """Time spent on it."""
