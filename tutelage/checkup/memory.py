"""Check of the memory: what training a student takes, beside what the machine has."""

from __future__ import annotations

from collections.abc import Iterator

from students import Student
from tutelage.checkup.finding import Finding

__all__ = ["check_memory"]

BYTES = {"float32": 4, "bfloat16": 2, "float16": 2}
ADAM_BYTES = 8
"""Bytes of Adam's two averages for each trained parameter, in float32."""


def check_memory(student: Student) -> Iterator[Finding]:
    """Compare what weights, gradients and optimiser take with what the machine has."""
    width = BYTES.get(str(student.number_format.dtype).removeprefix("torch."), 4)
    model, held = student.weights.outline(), student.weights.bytes_held(width)
    if model is None or held is None:
        yield Finding("warn", "memory", "not estimated: the weights are not in safetensors format yet")
        return
    count = sum(parameter.numel() for parameter in model.parameters())
    trained = count if student.adapter is None else count // 50  # a low-rank adapter is a few percent at most
    needed = held + trained * (width + ADAM_BYTES)
    available, where = memory()
    text = (
        f"about {needed / 2**30:.2f} GiB for weights, gradients and Adam ({count / 1e6:.1f} million parameters, "
        f"{8 * held / count:.3g} bits each), activations not counted; {available / 2**30:.1f} GiB {where}"
    )
    yield Finding("ok" if needed < 0.8 * available else "warn", "memory", text)


def memory() -> tuple[int, str]:
    """Return the bytes that training can use, and where."""
    import psutil
    import torch

    if torch.cuda.is_available():
        free, _total = torch.cuda.mem_get_info()
        return int(free), "free on the GPU"
    return int(psutil.virtual_memory().available), "free on this machine, which has no GPU"
