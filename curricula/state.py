"""State of adaptive plans: a few named arrays and numbers, exact on their way through a checkpoint."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["State", "pack", "unpack"]

State = dict[str, Any]
"""Named numpy arrays, numbers and texts. Never changed in place: hearing feedback makes another one."""


def pack(value: Any) -> Any:
    """Turn a state into plain JSON values, arrays bit for bit: a checkpoint loaded with `weights_only` holds no arrays.

    >>> unpack(pack({"mean": np.array([0.1, np.nan]), "seen": 3}))
    {'mean': array([0.1, nan]), 'seen': 3}
    """
    if isinstance(value, np.ndarray):
        text = base64.b64encode(np.ascontiguousarray(value).tobytes()).decode("ascii")
        return {"array": text, "dtype": value.dtype.str, "shape": list(value.shape)}
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, dict):
        return {key: pack(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [pack(item) for item in value]
    return value


def unpack(value: Any) -> Any:
    """Undo `pack`."""
    if isinstance(value, dict):
        if "array" in value and "dtype" in value:
            flat = np.frombuffer(base64.b64decode(value["array"]), np.dtype(value["dtype"]))
            array: npt.NDArray[Any] = flat.reshape(value["shape"]).copy()
            return array
        return {key: unpack(item) for key, item in value.items()}
    if isinstance(value, list):
        return [unpack(item) for item in value]
    return value
