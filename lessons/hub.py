"""Ask the Hugging Face hub whether something is there, without the half-minute of retries that its loaders make."""

from __future__ import annotations

import os
from typing import Literal

__all__ = ["offline", "unreachable_reason"]

TIMEOUT_SECONDS = 10.0


def offline() -> bool:
    """Whether the user forbade network access with HF_HUB_OFFLINE."""
    return os.environ.get("HF_HUB_OFFLINE", "").strip().upper() in {"1", "ON", "YES", "TRUE"}


def unreachable_reason(name: str, kind: Literal["model", "dataset"]) -> str | None:
    """Return why a model or data set cannot be fetched from the hub, or None when it can.

    One request, no retries: where there is no network the answer comes at once.
    """
    if offline():
        return "it is not in the local cache, and HF_HUB_OFFLINE forbids asking the hub (unset it to download)."
    from huggingface_hub import get_hf_file_metadata, hf_hub_url
    from huggingface_hub.errors import (
        EntryNotFoundError,
        GatedRepoError,
        HFValidationError,
        RepositoryNotFoundError,
    )

    try:
        url = hf_hub_url(name, "config.json" if kind == "model" else "README.md", repo_type=kind)
        get_hf_file_metadata(url, timeout=TIMEOUT_SECONDS)
    except EntryNotFoundError:
        return "it is on the hub, but holds no config.json." if kind == "model" else None
    except GatedRepoError:
        return "it is gated: accept its licence on the hub and set HF_TOKEN."
    except RepositoryNotFoundError:
        return "the hub has no such name (a private one needs HF_TOKEN)."
    except HFValidationError as error:
        return f"this is no name that the hub allows ({error})."
    except Exception as error:  # whatever the HTTP client raises: its error classes changed with every major version
        return f"it is not in the local cache, and the hub cannot be reached ({error})."
    return None
