from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer, pipeline

from lessons.errors import ConfigError
from lessons.records import Message
from students import (
    Adapted,
    CharacterTokenizer,
    LoRA,
    Pretrained,
    RandomWeights,
    Scorer,
    Student,
    Weights,
    answer,
    score_texts,
)
from students.lora import quiet_peft
from students.text_scores import scorer_ids

SIZES = {"hidden_size": 16, "layers": 2, "heads": 2, "max_positions": 128}
TEXTS = [([Message("user", f"{k}+1?")], "so " * k + "yes") for k in range(1, 6)]
ASKED = [([Message("user", f"{k}+1?")], None) for k in range(1, 6)]


def scorer(labels: list[str] | None = None, **settings: object) -> Scorer:
    return Scorer(RandomWeights(**SIZES), labels, precision="float32", **settings)  # type: ignore[arg-type]


def test_the_head_is_drawn_from_its_seed_and_the_decoder_is_the_language_models() -> None:
    one, same, other = scorer(), scorer(), scorer(head_seed=1)
    assert torch.equal(one.head.weight, same.head.weight)
    assert not torch.equal(one.head.weight, other.head.weight)
    causal = RandomWeights(**SIZES).load(torch.float32).model.state_dict()
    shared = {name for name, tensor in one.model.state_dict().items() if name in causal}
    assert shared == set(causal) - {"lm_head.weight"}
    assert all(torch.equal(one.model.state_dict()[name], causal[name]) for name in shared)
    assert one.fingerprint == same.fingerprint != other.fingerprint


@pytest.mark.parametrize("labels", [None, ["no", "maybe", "yes"]])
def test_an_exported_scorer_scores_alike_in_transformers_and_here(labels: list[str] | None, tmp_path: Path) -> None:
    made = scorer(labels)
    texts = TEXTS if labels is None else ASKED
    folder = made.export(tmp_path / "scorer", {"teachers": ["a judge"]})
    model = AutoModelForSequenceClassification.from_pretrained(folder)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    for (messages, text), expected in zip(texts, score_texts(made, texts), strict=True):
        turns = [{"role": m.role, "content": m.content} for m in messages]
        turns += [{"role": "assistant", "content": text}] if text else []
        written = tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=not text)
        found = model(**tokenizer(written, add_special_tokens=False, return_tensors="pt")).logits[0]
        torch.testing.assert_close(found.detach(), torch.tensor(expected))
    again = Scorer(Pretrained(str(folder)), labels, precision="float32")
    torch.testing.assert_close(torch.tensor(score_texts(again, texts)), torch.tensor(score_texts(made, texts)))
    card = (folder / "README.md").read_text()
    assert "pipeline_tag: text-classification" in card
    assert "a judge" in card


def test_the_usage_in_the_model_card_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for labels in (None, ["no", "yes"]):
        folder = scorer(labels).export(tmp_path / f"scorer-{labels is None}")
        card = (folder / "README.md").read_text()
        code = card.split("```python\n")[1].split("```")[0].replace("path/of/this/folder", str(folder))
        exec(code, {})
        assert "tensor([[" in capsys.readouterr().out


def test_the_pipeline_of_transformers_names_the_classes(tmp_path: Path) -> None:
    folder = scorer(["no", "yes"]).export(tmp_path / "scorer")
    (found,) = pipeline("text-classification", model=str(folder), device="cpu")("2+2?")
    assert found["label"] in ("no", "yes")


def test_heads_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    folder = str(scorer(["no", "yes"]).export(tmp_path / "scorer"))
    with pytest.raises(ConfigError, match=r"a head for 2 numbers \(no, yes\).*ask for one score.*Correct `labels`"):
        _ = Scorer(Pretrained(folder)).model
    with pytest.raises(ConfigError, match=r"ask for \['yes', 'no'\]. Both must be the same"):
        _ = Scorer(Pretrained(folder), ["yes", "no"]).model
    with pytest.raises(ConfigError, match=r"labels \['yes', 'yes'\]. Allowed are two or more different names"):
        _ = scorer(["yes", "yes"]).model


def test_a_scorer_is_not_examined_on_answers() -> None:
    with pytest.raises(ConfigError, match=r"is a Scorer, which gives scores and writes no text.*students.score_texts"):
        answer(scorer(), [[Message("user", "2+2?")]])


def adapted(labels: list[str] | None = None, weights: Weights | None = None, **settings: object) -> Scorer:
    """A scorer whose adapter and head have learnt something."""
    made = Scorer(weights or RandomWeights(**SIZES), labels, adapter=LoRA(rank=2, **settings), precision="float32")  # type: ignore[arg-type]
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for name, parameter in made.model.named_parameters():
            if parameter.requires_grad and ("lora_B" in name or "score" in name):
                parameter.add_(torch.randn(parameter.shape, generator=generator) * 0.2)
    return made


def scores(made: Scorer, texts: Any = TEXTS) -> torch.Tensor:
    return torch.tensor(score_texts(made, texts))


def test_beside_an_adapter_the_head_is_trained_whole() -> None:
    made = Scorer(RandomWeights(**SIZES), adapter=LoRA(rank=2), precision="float32")
    torch.testing.assert_close(scores(made), scores(scorer()))
    assert torch.equal(made.head.weight, scorer().head.weight)
    trained = {name for name, parameter in made.model.named_parameters() if parameter.requires_grad}
    assert sum(".lora_" in name for name in trained) == len(trained) - 1 == 28
    assert any(parameter is made.head.weight for parameter in made.model.parameters())
    assert made.head.weight.requires_grad
    assert len({scorer().fingerprint, made.fingerprint}) == 2


@pytest.mark.parametrize(("labels", "settings"), [(None, {}), (["no", "yes"], {"dora": True})])
def test_a_scorer_with_an_adapter_is_exported_merged_and_alone(
    labels: list[str] | None, settings: dict[str, Any], tmp_path: Path
) -> None:
    from peft import PeftModel

    made, texts = adapted(labels, **settings), TEXTS if labels is None else ASKED
    before, bare = scores(made, texts), scores(scorer(labels), texts)
    assert (before - bare).abs().max() > 0.05
    merged = Scorer(Pretrained(str(made.export(tmp_path / "merged"))), labels, precision="float32")
    torch.testing.assert_close(scores(merged, texts), before)
    assert set(merged.model.state_dict()) == set(scorer(labels).model.state_dict())
    folder = str(made.export_adapter(tmp_path / "adapter"))
    torch.testing.assert_close(scores(made, texts), before)  # an export changes nothing
    weights = Adapted(RandomWeights(**SIZES), [folder])
    torch.testing.assert_close(scores(Scorer(weights, labels, head_seed=7, precision="float32"), texts), before)
    with quiet_peft():
        wrapped = PeftModel.from_pretrained(scorer(labels).model, folder).eval()
    ids = torch.tensor([scorer_ids(made, texts)[0]])
    torch.testing.assert_close(wrapped(input_ids=ids).logits, before[:1])


def test_an_adapter_goes_on_where_an_exported_scorer_ended(tmp_path: Path) -> None:
    first = adapted()
    weights = Pretrained(str(first.export(tmp_path / "first")))
    fresh = Scorer(weights, adapter=LoRA(rank=2), precision="float32")
    torch.testing.assert_close(scores(fresh), scores(first))
    second = adapted(weights=weights)
    folder = str(second.export_adapter(tmp_path / "adapter"))
    torch.testing.assert_close(scores(Scorer(Adapted(weights, [folder]), precision="float32")), scores(second))


def test_a_head_learns_in_float32_beside_frozen_weights_in_half_precision() -> None:
    made = Scorer(RandomWeights(**SIZES), adapter=LoRA(rank=2), precision="bfloat16")
    assert {p.dtype for p in made.model.parameters() if p.requires_grad} == {torch.float32}
    assert made.model.get_input_embeddings().weight.dtype == torch.bfloat16
    torch.testing.assert_close(scores(made), scores(scorer()), rtol=0.1, atol=0.03)


def test_adapters_that_do_not_fit_a_scorer_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"target module\(s\) score do not exist.*Correct `target_modules`"):
        _ = Scorer(RandomWeights(**SIZES), adapter=LoRA(target_modules=["q_proj", "score"])).model
    folder = str(adapted().export_adapter(tmp_path / "adapter"))
    with pytest.raises(ConfigError, match=r"has a whole head, of which a share of 0\.5 is wanted.*leave out `shares`"):
        _ = Scorer(Adapted(RandomWeights(**SIZES), [folder], [0.5])).model
    with pytest.raises(ConfigError, match=r"LlamaForCausalLM: it has a head \(score\).*Give it to a students\.Scorer"):
        _ = Student(Adapted(RandomWeights(**SIZES), [folder])).model
    with pytest.raises(ConfigError, match=r"does not fit LlamaForSequenceClassification.*Correct `adapters`"):
        _ = Scorer(Adapted(RandomWeights(**SIZES), [folder]), ["no", "yes"]).model


class PaddedWithEnds(CharacterTokenizer):
    """Pads with the end-of-turn token, as SmolLM2's tokenizer does."""

    def build(self) -> Any:
        made = super().build()
        made.pad_token = made.eos_token
        return made


def test_a_batch_that_transformers_pads_has_the_same_scores(tmp_path: Path) -> None:
    made = Scorer(RandomWeights(**SIZES, tokenizer=PaddedWithEnds()), precision="float32")
    assert made.end_padding != made.encoder.end_of_turn
    expected = score_texts(made, TEXTS)
    folder = made.export(tmp_path / "scorer")
    tokenizer = AutoTokenizer.from_pretrained(folder)
    written = [made.tokenizer.decode(ids) for ids in scorer_ids(made, TEXTS)]
    batch = tokenizer(written, add_special_tokens=False, padding=True, padding_side="right", return_tensors="pt")
    found = AutoModelForSequenceClassification.from_pretrained(folder)(**batch).logits
    torch.testing.assert_close(found.detach(), torch.tensor(expected))
