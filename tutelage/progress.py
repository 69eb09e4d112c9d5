"""What the commands say while they work: plain lines on stderr, so that stdout stays for results."""

from __future__ import annotations

import sys

__all__ = ["say"]


def say(message: str) -> None:
    """Print one plain line about the work to stderr."""
    print(message, file=sys.stderr, flush=True)
