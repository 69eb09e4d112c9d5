from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from transformers import T5Config, T5ForConditionalGeneration

from students import BytePairTokenizer


def tiny_t5(folder: Path, **settings: Any) -> Path:
    """A T5 with random weights and a tokenizer without a chat template, as published ones are."""
    tokenizer = BytePairTokenizer(["Answer: 12", "Answer: 34"], 270).build()
    tokenizer.chat_template = None
    sizes = {"d_model": 16, "d_kv": 8, "d_ff": 32, "num_layers": 2, "num_heads": 2}
    config = T5Config(
        vocab_size=len(tokenizer) + 2,
        decoder_start_token_id=tokenizer.pad_token_id,
        pad_token_id=tokenizer.pad_token_id,
        eos_token_id=tokenizer.eos_token_id,
        **{**sizes, **settings},
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        T5ForConditionalGeneration(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder
