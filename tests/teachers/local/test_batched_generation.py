"""Proofs against the model itself, one row at a time, on a tiny random model and on SmolLM2-135M."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
import torch

from lessons.errors import ConfigError
from lessons.records import Message
from teachers import TransformersBackend
from teachers.backend import JSON, Completion, Request, Sampling
from teachers.local.batched_generation import LocalModel
from teachers.local.request_batches import Row
from tests.teachers.tiny_model import write_tiny_model

QUESTIONS = [
    "What is 7 times 8?",
    "Name the capital of France.",
    "Write one sentence about the sea, and then one about a mountain in winter.",
    "Is water wet? Answer yes or no.",
    "Translate to French: the cat sleeps on the old chair beside the window.",
    "List three colours.",
    "Anna has 12 apples. She gives 5 to Ben and buys 3 more. How many apples does Anna have now? Think step by step.",
    "hi",
]


@pytest.fixture(scope="module", params=["tiny", pytest.param("smollm2", marks=pytest.mark.slow)])
def model(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> TransformersBackend:
    if request.param == "tiny":
        name = write_tiny_model(tmp_path_factory.mktemp("tiny"))
    else:
        name = request.getfixturevalue("smollm2_name")
    return TransformersBackend(name, batch_size=8, gather_seconds=0.5, threads=1)


def ask(text: str, temperature: float = 0.0, limit: int = 7, sample: int = 0, **more: Any) -> Request:
    fields = {name: more.pop(name) for name in ("top_logprobs", "continuation") if name in more}
    return Request((Message("user", text),), Sampling(temperature, max_output_tokens=limit, **more), sample, **fields)


def send(backend: TransformersBackend, requests: list[Request], samples: bool = False) -> list[JSON]:
    async def work() -> list[JSON]:
        try:
            if samples:
                return await backend.send_samples(requests)
            return list(await asyncio.gather(*map(backend.send, requests)))
        finally:
            await backend.aclose()

    return asyncio.run(work())


def read(backend: TransformersBackend, requests: list[Request]) -> list[Completion]:
    return [backend.read(raw) for raw in send(backend, requests)]


def alone(backend: TransformersBackend, prompt: list[int], continuation: list[int]) -> torch.Tensor:
    """The log-probabilities that one plain pass over one unpadded row gives: [continuation, vocabulary]."""
    with torch.inference_mode():
        logits = backend.local.model(torch.tensor([prompt + continuation])).logits[0]
    return logits.log_softmax(-1)[len(prompt) - 1 : -1]


def test_scores_equal_one_by_one_scoring(model: TransformersBackend) -> None:
    texts = ["56.", "Paris is the capital of France, and of nothing else.", "yes", " no", "red, green\nand blue", "9"]
    requests = [
        ask(question, continuation=text, top_logprobs=3) for question, text in zip(QUESTIONS, texts, strict=False)
    ]
    raws = send(model, requests)
    for request, raw in zip(requests, raws, strict=True):
        prompt, ids = model.local.prompt_ids(request), model.local.continuation_ids(request)
        assert ids
        wanted = alone(model, prompt, ids)
        found = model.read(raw).logprobs
        assert found is not None
        assert [token.token for token in found] == model.local.tokenizer.batch_decode([[token] for token in ids])
        assert [token.logprob for token in found] == pytest.approx(
            wanted.gather(1, torch.tensor(ids)[:, None])[:, 0].tolist(), abs=1e-4
        )
        for place, token in enumerate(found):
            values, _ = wanted[place].topk(3)
            assert [value for _, value in token.top] == pytest.approx(values.tolist(), abs=1e-4)
        assert (raw["input_tokens"], raw["output_tokens"]) == (len(prompt) + len(ids), 0)


def test_scores_do_not_depend_on_the_blocks_they_are_computed_in(
    model: TransformersBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    requests = [ask(question, continuation="one two three " * k) for k, question in enumerate(QUESTIONS[:5])]
    whole = [completion.logprobs for completion in read(model, requests)]
    monkeypatch.setattr("teachers.local.batched_generation.SCORED_LOGITS", 1)  # a token at a time
    pieces = [completion.logprobs for completion in read(model, requests)]
    assert whole[0] == ()
    for one, other in zip(whole, pieces, strict=True):
        assert one is not None
        assert other is not None
        assert [token.logprob for token in one] == pytest.approx([token.logprob for token in other], abs=1e-4)


def test_log_probabilities_of_what_is_written_equal_one_by_one_scoring(
    model: TransformersBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids_of: dict[str, list[int]] = {}
    original = LocalModel.written

    def spy(self: LocalModel, row: Row, ids: list[int], notes: Any) -> JSON:
        ids_of[row.request.messages[0].content] = ids[:-1] if ids[-1] in self.end_ids else ids
        return original(self, row, ids, notes)

    monkeypatch.setattr(LocalModel, "written", spy)
    requests = [ask(question, 1.0 if k % 2 else 0.0, top_logprobs=5) for k, question in enumerate(QUESTIONS)]
    for question, request, completion in zip(QUESTIONS, requests, read(model, requests), strict=True):
        assert completion.logprobs
        assert "".join(token.token for token in completion.logprobs).strip() == completion.text
        ids = ids_of[question]
        wanted = alone(model, model.local.prompt_ids(request), ids)
        chosen = wanted.gather(1, torch.tensor(ids)[:, None])[:, 0].tolist()
        assert [token.logprob for token in completion.logprobs] == pytest.approx(chosen, abs=1e-4)
        for token, values in zip(completion.logprobs, wanted.topk(5).values.tolist(), strict=True):
            assert [value for _, value in token.top] == pytest.approx(values, abs=1e-4)


def test_greedy_text_is_that_of_generate_one_by_one(model: TransformersBackend) -> None:
    """But for near-ties: where the two texts part, the two likeliest tokens lie within 1e-3."""
    requests = [ask(question, limit=10) for question in QUESTIONS]
    same = 0
    for request, raw in zip(requests, send(model, requests), strict=True):
        prompt = model.local.prompt_ids(request)
        ids = torch.tensor([prompt])
        written = model.local.model.generate(
            ids, attention_mask=torch.ones_like(ids), max_new_tokens=10, do_sample=False, temperature=None, top_p=None
        )[0, len(prompt) :].tolist()
        if raw["text"] == model.local.tokenizer.decode(written, skip_special_tokens=True).strip():
            same += 1
            continue
        decode = model.local.tokenizer.decode
        parts = next(k for k in range(len(written)) if not raw["text"].startswith(decode(written[: k + 1]).strip()))
        first, second = alone(model, prompt, [*written[:parts], 0])[-1].topk(2).values
        assert first - second < 1e-3, f"{raw['text']!r} is not a near-tie"
    assert same >= len(requests) - 2


def test_samples_by_one_call_equal_those_of_single_calls(model: TransformersBackend) -> None:
    requests = [ask(QUESTIONS[0], 1.3, sample=sample, seed=5) for sample in range(4)]
    together = send(model, requests, samples=True)
    single = [send(model, [request])[0] for request in requests]
    assert [raw["text"] for raw in together] == [raw["text"] for raw in single]
    assert len({raw["text"] for raw in together}) > 1
    assert [raw["input_tokens"] for raw in together] == [single[0]["input_tokens"], 0, 0, 0]
    assert [raw["output_tokens"] for raw in together] == [raw["output_tokens"] for raw in single]


def test_a_completion_does_not_depend_on_its_batch_mates(model: TransformersBackend) -> None:
    kinds: list[dict[str, Any]] = [
        {}, {"temperature": 0.8}, {"temperature": 1.2, "top_p": 0.7}, {"limit": 5}, {"top_logprobs": 2},
        {"stop": ("a",)},
    ]  # fmt: skip
    requests = [ask(question, **kinds[k % len(kinds)]) for k, question in enumerate(QUESTIONS)]
    together = send(model, requests)
    for request, raw in zip(requests, together, strict=True):
        (single,) = send(model, [request])
        noted, wanted = raw.pop("logprobs", None), single.pop("logprobs", None)
        assert raw == single
        if wanted is not None:
            assert [token[1] for token in noted] == pytest.approx([token[1] for token in wanted], abs=1e-4)


def test_the_question_of_many_samples_is_read_once(tmp_path: Path) -> None:
    backend = TransformersBackend(write_tiny_model(tmp_path), batch_size=8, threads=1, gather_seconds=0.5)
    send(backend, [ask("tell me", 1.0, sample=sample) for sample in range(8)], samples=True)
    prompt = len(backend.local.prompt_ids(ask("tell me")))
    assert backend.stats.read_tokens == prompt
    assert backend.stats.input_tokens == 8 * prompt


def test_a_stop_text_ends_the_writing_itself(tmp_path: Path) -> None:
    backend = TransformersBackend(write_tiny_model(tmp_path), threads=1)
    (whole,) = send(backend, [ask("abc", limit=60, top_logprobs=1)])
    stop = whole["text"][3:5]
    (cut,) = send(backend, [ask("abc", limit=60, stop=(stop,), top_logprobs=1)])
    assert cut["text"] == whole["text"][: whole["text"].index(stop)].strip()
    assert cut["finish_reason"] == "stop"
    assert cut["output_tokens"] <= 5 + len(whole["text"]) - len(whole["text"].lstrip())
    assert "".join(token for token, _, _ in cut["logprobs"]).strip() == cut["text"]


def test_a_continuation_too_long_is_refused(tmp_path: Path) -> None:
    backend = TransformersBackend(write_tiny_model(tmp_path), threads=1)
    with pytest.raises(ConfigError, match=r"the continuation has 250; together that is more than the 256.*Shorten it"):
        send(backend, [ask("abcdef", continuation="x" * 250)])


class Cramped:
    """A model with room for so many rows."""

    def __init__(self, model: Any, room: int) -> None:
        self.model, self.room, self.device, self.config = model, room, model.device, model.config

    def __call__(self, **inputs: Any) -> Any:
        if len(inputs["input_ids"]) > self.room:
            raise torch.OutOfMemoryError("no room")
        return self.model(**inputs)


def test_out_of_memory_changes_no_text(tmp_path: Path) -> None:
    name = write_tiny_model(tmp_path)
    roomy, cramped = (TransformersBackend(name, batch_size=8, gather_seconds=0.5, threads=1) for _ in range(2))
    cramped.local.model = Cramped(cramped.local.model, room=3)
    requests = [ask("x" * k, 1.0, limit=8) for k in range(1, 17)]
    samples = [ask("same", 1.0, limit=8, sample=sample) for sample in range(8)]
    assert send(cramped, requests) == send(roomy, requests)
    assert send(cramped, samples, samples=True) == send(roomy, samples, samples=True)
    assert (cramped.worker.most_rows, cramped.batch_size) == (2, 8)


def test_a_model_without_a_cache_is_refused(tmp_path: Path) -> None:
    backend = TransformersBackend(write_tiny_model(tmp_path), threads=1)
    whole = backend.local.model

    class Forgetful(Cramped):
        def __call__(self, **inputs: Any) -> Any:
            output = super().__call__(**inputs)
            output.past_key_values = None
            return output

    backend.local.model = Forgetful(whole, room=9)
    with pytest.raises(ConfigError, match=r"Forgetful keeps no key-value cache.*Choose such a model as teacher"):
        send(backend, [ask("a")])
