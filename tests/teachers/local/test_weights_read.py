from __future__ import annotations

import pytest

from lessons.errors import MissingDependency
from teachers.local import weights_read
from teachers.local.weights_read import teacher_reading

PACKED = {"quantization_config": {"quant_method": "bitsandbytes", "load_in_8bit": True}}


def test_bitsandbytes_must_be_installed_for_its_formats(monkeypatch: pytest.MonkeyPatch) -> None:
    assert teacher_reading(PACKED, "a/b") == {}
    monkeypatch.setattr(weights_read, "find_spec", lambda name: None)
    with pytest.raises(MissingDependency, match=r"of a/b are in a format of bitsandbytes.*'tutelage\[qlora\]'"):
        teacher_reading(PACKED, "a/b")
    assert teacher_reading({}, "a/b") == {}
