from __future__ import annotations

import pytest
from transformers import FineGrainedFP8Config, Mxfp4Config

from lessons.errors import ConfigError
from lessons.published_quantisation import quantisation, reading_arguments


def of(**settings: object) -> dict[str, object]:
    return {"model_type": "llama", "quantization_config": settings}


def test_the_kind_is_named() -> None:
    assert quantisation({"model_type": "llama"}) is None
    assert quantisation({"model_type": "llama", "quantization_config": None}) is None
    assert quantisation(of(quant_method="awq")) == "awq"
    assert quantisation(of(load_in_4bit=True)) == "bitsandbytes"
    assert quantisation(of(bits=3)) == "a method without a name"
    assert quantisation({"text_config": of(quant_method="fp8")}) == "fp8"


@pytest.mark.parametrize("kind", ["gptq", "awq", "compressed-tensors", "bitsandbytes", "made-up"])
def test_what_is_not_read_is_refused(kind: str) -> None:
    wanted = rf"of a/b were published quantised.*names {kind}\. Read are.*these kinds: fp8, mxfp4\. Do this\."
    with pytest.raises(ConfigError, match=wanted):
        reading_arguments(of(quant_method=kind), "a/b", "Do this.")


def test_ordinary_weights_and_those_a_reader_can_use_need_nothing() -> None:
    assert reading_arguments({"model_type": "llama"}, "a/b", "") == {}
    assert reading_arguments(of(quant_method="awq"), "a/b", "", ["awq"]) == {}
    with pytest.raises(ConfigError, match="these kinds: fp8, mxfp4, awq"):
        reading_arguments(of(quant_method="gptq"), "a/b", "", ["awq"])


def test_what_can_be_turned_into_ordinary_numbers_is() -> None:
    for kind, settings in (("fp8", FineGrainedFP8Config), ("mxfp4", Mxfp4Config)):
        found = reading_arguments(of(quant_method=kind), "a/b", "")["quantization_config"]
        assert isinstance(found, settings)
        assert found.dequantize
