"""What every test shares: no network, and a plain word about data that only some machines have."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

# Before anything imports huggingface_hub, which reads it once: a missing model must fail at once, not after retries.
os.environ["HF_HUB_OFFLINE"] = "1"

settings.register_profile("shared machine", deadline=None)  # a busy machine is slow, not wrong
settings.load_profile("shared machine")

SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave out, with the reason, tests whose data this machine does not have."""
    if SHARED_DATA.is_dir():
        return
    absent = pytest.mark.skip(reason="not run: reads recorded data beside the checkout (../shared/data), absent here")
    for item in items:
        if item.get_closest_marker("shared_data"):
            item.add_marker(absent)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Return the folder of recorded data; only for tests marked `shared_data`."""
    return SHARED_DATA
