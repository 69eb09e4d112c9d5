"""Scores of texts, by a scorer."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import Any, cast

from lessons.records import Message
from students.scorer import Scorer

__all__ = ["score_texts", "scorer_ids"]


def score_texts(
    scorer: Scorer, texts: Sequence[tuple[Sequence[Message], str | None]], batch_size: int = 32
) -> list[list[float]]:
    """Return the scores of answers to conversations, in their order, [texts, outputs].

    Args:
        scorer: Who scores; loaded onto the machine's accelerator unless it is in memory.
        texts: Conversations with the answer to score; None as answer for a scorer with labels.
        batch_size: Texts at a time.
    """
    import torch

    if not scorer.built:
        scorer.place()
    model, base = scorer.model, cast(Any, scorer.base_model)
    ids = scorer_ids(scorer, texts)
    order = sorted(range(len(ids)), key=lambda k: len(ids[k]))
    found: list[list[float]] = [[]] * len(ids)
    was_training = model.training
    model.train(False)
    try:
        for start in range(0, len(order), batch_size):
            chosen = order[start : start + batch_size]
            width = max(len(ids[k]) for k in chosen)
            rows = torch.tensor([[*ids[k], *[scorer.end_padding] * (width - len(ids[k]))] for k in chosen])
            ends = torch.tensor([len(ids[k]) - 1 for k in chosen], device=scorer.device)
            with torch.no_grad():
                decoder = base.get_decoder()
                states = decoder(input_ids=rows.to(scorer.device), use_cache=False).last_hidden_state
                read = states[torch.arange(len(chosen), device=scorer.device), ends]
                scores = scorer.head(read.to(scorer.head.weight.dtype))
            for k, row in zip(chosen, scores.float().tolist(), strict=True):
                found[k] = row
    finally:
        model.train(was_training)
    return found


def scorer_ids(scorer: Scorer, texts: Sequence[tuple[Sequence[Message], str | None]]) -> list[list[int]]:
    """Return the ids that are read: up to the end of the turn, or up to where an answer would begin."""
    answered = iter(scorer.encoder.encode([(messages, text) for messages, text in texts if text is not None]))
    asked = iter(scorer.encoder.prompts([messages for messages, text in texts if text is None]))
    return [next(asked) if text is None else list(chain(*next(answered))) for _, text in texts]
