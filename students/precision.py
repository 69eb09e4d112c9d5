"""Which number format a model is held in, chosen by what the hardware computes natively."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal, NamedTuple

from lessons.errors import ConfigError

if TYPE_CHECKING:
    from students.heavy_types import torch

__all__ = ["Choice", "PrecisionName", "choose_precision", "drawn_in_float32"]

log = logging.getLogger(__name__)

PrecisionName = Literal["auto", "float32", "bfloat16", "float16"]


class Choice(NamedTuple):
    """A number format and why it was chosen."""

    dtype: torch.dtype
    """The format of the weights."""
    reason: str
    """One sentence for the log and the report."""


def choose_precision(precision: PrecisionName, frozen: bool = False) -> Choice:
    """Return the format for a model's weights, and log the reason.

    Args:
        precision: "auto", or the format to use whatever the hardware.
        frozen: Whether the weights stay as they are (an adapter is trained, or nothing). Weights that are trained are
            kept in float32 under "auto": a bfloat16 weight swallows updates smaller than 1/256 of itself. Use the
            trainer's `precision: bf16-mixed` to compute fast with them.
    """
    import torch

    if precision != "auto":
        formats = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
        if precision not in formats:
            raise ConfigError(
                f"Unknown precision {precision!r}. Allowed are 'auto', 'float32', 'bfloat16' and 'float16'. "
                "Use 'auto' unless the hardware is known."
            )
        choice = Choice(formats[precision], f"{precision}: as configured")
    else:
        choice = automatic(frozen)
    log.info("Weights in %s", choice.reason)
    return choice


def automatic(frozen: bool) -> Choice:
    """Choose by hardware."""
    import torch

    if torch.cuda.is_available():
        name = torch.cuda.get_device_name()
        if not torch.cuda.is_bf16_supported(including_emulation=False):
            return Choice(torch.float32, f"float32: {name} does not compute bfloat16 natively")
        if frozen:
            return Choice(torch.bfloat16, f"bfloat16: the weights are frozen and {name} computes it natively")
        return Choice(torch.float32, "float32: the weights are trained (trainer.precision bf16-mixed computes fast)")
    if not cpu_computes_bfloat16():
        return Choice(torch.float32, "float32: this CPU has neither AVX512-BF16 nor AMX, bfloat16 would crawl")
    if frozen:
        return Choice(torch.bfloat16, "bfloat16: the weights are frozen and this CPU computes it natively")
    return Choice(torch.float32, "float32: the weights are trained (trainer.precision bf16-mixed computes fast)")


def cpu_computes_bfloat16() -> bool:
    """Return whether this CPU multiplies bfloat16 natively (without: measured 200 times slower than float32)."""
    import torch

    found = torch.cpu.get_capabilities()
    return any(bool(found.get(name)) for name in ("avx512_bf16", "amx_bf16", "bf16", "sve_bf16"))


@contextmanager
def drawn_in_float32() -> Iterator[None]:
    """Read or draw weights with float32 as torch's default format, whatever it is outside.

    Under precision "64-true" or "bf16-true" Lightning has changed the default by the time that weights are read: random
    ones would be drawn in it, and would be others than those of the same seed elsewhere.
    """
    import torch

    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float32)
    try:
        yield
    finally:
        torch.set_default_dtype(before)
