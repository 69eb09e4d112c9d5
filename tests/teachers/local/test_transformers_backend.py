from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
import torch
from bitsandbytes.nn import Linear4bit
from transformers import AutoModelForCausalLM, AutoTokenizer, BitsAndBytesConfig

from lessons.errors import ConfigError, ModelNotFound
from lessons.records import Message
from lessons.tables import read_annotations
from teachers import DifficultyAnnotator, Limits, RationaleAnnotator, TransformersBackend, distill
from teachers.backend import JSON, Request, Sampling
from tests.teachers.tiny_model import write_tiny_model


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> str:
    return write_tiny_model(tmp_path_factory.mktemp("tiny"))


def ask(text: str, temperature: float | None = 0.0, limit: int = 12, sample: int = 0, **more: Any) -> Request:
    return Request((Message("user", text),), Sampling(temperature, max_output_tokens=limit, **more), sample)


def send(backend: TransformersBackend, requests: list[Request]) -> list[JSON]:
    async def work() -> list[JSON]:
        try:
            return await asyncio.gather(*map(backend.send, requests))
        finally:
            await backend.aclose()

    return asyncio.run(work())


def test_requests_at_once_share_batches(folder: str) -> None:
    backend = TransformersBackend(folder, batch_size=8, threads=1, gather_seconds=0.5)
    replies = send(backend, [ask("x" * k) for k in range(1, 17)])
    assert backend.stats.batches == 2
    assert backend.stats.requests == 16
    assert backend.stats.input_tokens == sum(reply["input_tokens"] for reply in replies)
    assert backend.stats.output_tokens == sum(reply["output_tokens"] for reply in replies)
    assert [reply["input_tokens"] for reply in replies] == [k + len("u:\na:") for k in range(1, 17)]


def test_greedy_text_is_that_of_generate_one_by_one(folder: str) -> None:
    backend = TransformersBackend(folder, batch_size=16, threads=1, gather_seconds=0.5)
    requests = [ask("what is " + "q" * k + "?") for k in range(16)]
    replies = send(backend, requests)
    local = backend.local
    for request, reply in zip(requests, replies, strict=True):
        ids = torch.tensor([local.prompt_ids(request)])
        written = local.model.generate(ids, attention_mask=torch.ones_like(ids), max_new_tokens=12, do_sample=False)
        alone = local.tokenizer.decode(written[0, ids.shape[1] :], skip_special_tokens=True).strip()
        assert reply["text"] == alone


def test_a_sampled_text_does_not_depend_on_its_batch(folder: str) -> None:
    requests = [ask("tell me " + "z" * k, 0.9, sample=k) for k in range(6)]
    together = send(TransformersBackend(folder, batch_size=6, threads=1, gather_seconds=0.5), requests)
    alone = send(TransformersBackend(folder, batch_size=1, threads=1), requests)
    assert [reply["text"] for reply in together] == [reply["text"] for reply in alone]


def test_samples_differ_and_seeds_matter(folder: str) -> None:
    backend = TransformersBackend(folder, threads=1)
    replies = send(backend, [ask("go", 1.0, sample=k) for k in range(4)] + [ask("go", 1.0, seed=3)])
    assert len({reply["text"] for reply in replies}) == 5


def test_every_row_keeps_its_own_limit(folder: str) -> None:
    backend = TransformersBackend(folder, threads=1, gather_seconds=0.5)
    replies = send(backend, [ask("abc", limit=limit) for limit in (1, 5, 9)])
    for reply, limit in zip(replies, (1, 5, 9), strict=True):
        assert reply["output_tokens"] == limit or reply["finish_reason"] == "stop"
        assert reply["output_tokens"] <= limit


def test_stop_texts_end_a_completion(folder: str) -> None:
    backend = TransformersBackend(folder, threads=1)
    (whole,) = send(backend, [ask("abc", limit=20)])
    middle = whole["text"][3]
    (cut,) = send(backend, [ask("abc", limit=20, stop=(middle,))])
    assert cut["finish_reason"] == "stop"
    assert middle not in cut["text"]


def test_a_prompt_too_long_fails_alone(folder: str) -> None:
    backend = TransformersBackend(folder, threads=1, gather_seconds=0.5)

    async def work() -> list[Any]:
        requests = [ask("short"), ask("x" * 300), ask("short too")]
        results = await asyncio.gather(*map(backend.send, requests), return_exceptions=True)
        await backend.aclose()
        return results

    first, second, third = asyncio.run(work())
    assert isinstance(second, ConfigError)
    assert "more than the 256 that the model can hold" in str(second)
    assert first["text"] is not None
    assert third["text"] is not None


def test_it_is_a_teacher_like_any_other(folder: str, tmp_path: Path, sums: Any) -> None:
    teacher = TransformersBackend(folder, batch_size=4, threads=1)
    annotator = DifficultyAnnotator(max_output_tokens=8, template=bare_template(tmp_path), repairs=0)
    for name, calls in (("a", 10), ("b", 0)):
        summary = distill(sums(10), teacher, [annotator], None, tmp_path / "l", tmp_path / name, Limits(in_flight=16))
        assert (summary.annotations, summary.calls, summary.dollars) == (10, calls, 0.0)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def bare_template(folder: Path) -> str:
    path = folder / "bare.txt"
    path.write_text("name: bare/1\n[user]\n{{ question }}\n")
    return str(path)


def test_a_model_that_is_not_there_is_refused_before_anything_is_loaded(tmp_path: Path) -> None:
    with pytest.raises(ModelNotFound, match="no-such-folder"):
        TransformersBackend(str(tmp_path / "no-such-folder")).prepare()


def test_weights_in_a_format_of_bitsandbytes_run_as_they_are(folder: str, tmp_path: Path) -> None:
    model = AutoModelForCausalLM.from_pretrained(
        folder, quantization_config=BitsAndBytesConfig(load_in_4bit=True, llm_int8_skip_modules=["self_attn"])
    )
    model.save_pretrained(tmp_path)
    AutoTokenizer.from_pretrained(folder).save_pretrained(tmp_path)
    teacher = TransformersBackend(str(tmp_path), threads=1)
    teacher.prepare()
    (reply,) = send(teacher, [ask("what is 1+1?")])
    local = teacher.local
    assert isinstance(local.model.model.layers[0].mlp.down_proj, Linear4bit)
    ids = torch.tensor([local.prompt_ids(ask("what is 1+1?"))])
    written = model.generate(ids, attention_mask=torch.ones_like(ids), max_new_tokens=12, do_sample=False)
    assert reply["text"] == local.tokenizer.decode(written[0, ids.shape[1] :], skip_special_tokens=True).strip()


def test_weights_that_are_quantised_otherwise_are_refused(folder: str, tmp_path: Path) -> None:
    config = json.loads((Path(folder) / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps({**config, "quantization_config": {"quant_method": "awq"}}))
    teacher = TransformersBackend(str(tmp_path))
    wanted = "were published quantised.*names awq.*fp8, mxfp4, bitsandbytes.*serve this one.*teachers.OpenAIBackend"
    with pytest.raises(ConfigError, match=wanted):
        teacher.prepare()
    with pytest.raises(ConfigError, match=wanted):  # a name on the hub is looked at when it is loaded
        _ = teacher.local


@pytest.mark.slow
def test_smollm2_answers(tmp_path: Path, sums: Any, smollm2_name: str) -> None:
    teacher = TransformersBackend(smollm2_name, batch_size=4, threads=1)
    annotator = RationaleAnnotator(max_asks=1, max_output_tokens=24)
    summary = distill(sums(4), teacher, [annotator], None, tmp_path / "l", tmp_path / "o", Limits(in_flight=4))
    assert (summary.annotations, summary.calls) == (4, 4)
    assert all(len(a.text) > 10 for a in read_annotations(tmp_path / "o"))
