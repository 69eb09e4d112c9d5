"""Where prompts come from."""

from __future__ import annotations

from lessons.sources.base import PromptSource

__all__ = ["PromptSource"]
