"""What holds for Llama holds for its relatives: other caches, other positions, other layer types, experts."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from transformers import (
    AutoModelForCausalLM,
    Gemma3TextConfig,
    GPT2Config,
    GPTNeoXConfig,
    MambaConfig,
    MixtralConfig,
    PreTrainedConfig,
    PreTrainedTokenizerBase,
    Qwen3Config,
)

from lessons.errors import ConfigError
from students import CharacterTokenizer, Generation, LoRA, Pretrained, Student, Weights, answer
from students.weights import Loaded
from tests.students.conftest import ALPHABET, ask

SIZE = 55
LLAMA_LIKE = {
    "vocab_size": SIZE, "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2,
    "intermediate_size": 64, "max_position_embeddings": 128, "eos_token_id": 3, "bos_token_id": 2, "pad_token_id": 0,
}  # fmt: skip
CONFIGS = {
    "qwen3": Qwen3Config(**LLAMA_LIKE, head_dim=8),
    "gemma3-sliding-window": Gemma3TextConfig(**LLAMA_LIKE, head_dim=8, sliding_window=16),
    "mixtral-experts": MixtralConfig(**LLAMA_LIKE, num_local_experts=4, num_experts_per_tok=2),
    "gpt2-absolute-positions": GPT2Config(
        vocab_size=SIZE, n_embd=32, n_layer=2, n_head=4, n_positions=128, eos_token_id=3, bos_token_id=2
    ),
    "gpt-neox": GPTNeoXConfig(
        vocab_size=SIZE, hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=64,
        max_position_embeddings=128, eos_token_id=3, bos_token_id=2,
    ),
}  # fmt: skip


class FromConfig(Weights):
    """A random model of any configuration, with weights large enough that attention matters."""

    name = "from-config"
    fingerprint = "0"

    def __init__(self, config: PreTrainedConfig) -> None:
        self.config = config

    def load_tokenizer(self) -> PreTrainedTokenizerBase:
        return CharacterTokenizer(ALPHABET).build()

    def load(self, dtype: torch.dtype) -> Loaded:
        with torch.random.fork_rng():
            torch.manual_seed(0)
            model = AutoModelForCausalLM.from_config(self.config)
        with torch.no_grad():
            for parameter in model.parameters():
                if parameter.ndim == 2:
                    parameter.mul_(6)
        return Loaded(model.to(dtype).eval(), self.load_tokenizer())


@pytest.mark.parametrize("name", CONFIGS)
def test_batched_greedy_equals_one_by_one(name: str) -> None:
    student = Student(FromConfig(CONFIGS[name]))
    assert len(student.tokenizer) == SIZE
    questions = [ask("1" * k + "+2=?") for k in (1, 30, 2, 9, 17)]
    together = answer(student, questions, Generation(max_new_tokens=20))
    assert together == [answer(student, [q], Generation(max_new_tokens=20))[0] for q in questions]
    assert len({g.text for g in together}) > 1


@pytest.mark.parametrize("adapter", [None, LoRA(rank=2)], ids=["plain", "adapter"])
@pytest.mark.parametrize("name", CONFIGS)
def test_the_export_gives_the_same_logits(name: str, adapter: LoRA | None, tmp_path: Path) -> None:
    student = Student(FromConfig(CONFIGS[name]), adapter)
    with torch.no_grad():
        for key, parameter in student.model.named_parameters():
            if "lora_B" in key:
                parameter.normal_(std=0.1, generator=torch.Generator().manual_seed(0))
    again = Student(Pretrained(str(student.export(tmp_path / "student"))))
    ids = torch.tensor([student.encoder.prompt_ids(ask("1+1=?"))])
    torch.testing.assert_close(again.model(ids).logits, student.model(ids).logits, atol=1e-4, rtol=1e-4)


def test_a_model_without_a_key_value_cache_is_refused() -> None:
    config = MambaConfig(vocab_size=SIZE, hidden_size=32, num_hidden_layers=1, state_size=4)
    with pytest.raises(ConfigError, match=r"MambaForCausalLM keeps no key-value cache.*Choose such a model"):
        answer(Student(FromConfig(config)), [ask("1")])
