"""Losses as pure functions over tensors. They return sums and counts; the module that calls them normalises."""

from lightning_modules.losses.chunked import Projection, chunked_terms, projection_of
from lightning_modules.losses.divergences import (
    adaptive_kl,
    forward_kl,
    generalized_jsd,
    reverse_kl,
    skew_forward_kl,
    skew_reverse_kl,
    symmetric_kl,
    total_variation,
)
from lightning_modules.losses.log_probabilities import (
    LogProbabilities,
    TopK,
    log_probabilities,
    top_k_log_probabilities,
)
from lightning_modules.losses.token_losses import PartSums, part_sums, weighted_loss

__all__ = [
    "LogProbabilities",
    "PartSums",
    "Projection",
    "TopK",
    "adaptive_kl",
    "chunked_terms",
    "forward_kl",
    "generalized_jsd",
    "log_probabilities",
    "part_sums",
    "projection_of",
    "reverse_kl",
    "skew_forward_kl",
    "skew_reverse_kl",
    "symmetric_kl",
    "top_k_log_probabilities",
    "total_variation",
    "weighted_loss",
]
