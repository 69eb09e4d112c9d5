"""What every test shares: no network, and a plain word about data that only some machines have."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import settings

# Before anything imports huggingface_hub, which reads it once: a missing model must fail at once, not after retries.
os.environ["HF_HUB_OFFLINE"] = "1"

settings.register_profile("shared machine", deadline=None)  # a busy machine is slow, not wrong
settings.load_profile("shared machine")

SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Start long files first where workers share the suite; leave out, with the reason, tests without their data."""
    if hasattr(config, "workerinput"):  # or one worker would end long after the others
        slow = Counter(item.path for item in items if item.get_closest_marker("slow"))
        items.sort(key=lambda item: -slow[item.path])
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
