"""Values and gradients of our divergences beside those of TRL and DistillKit, on the same random logits.

Install TRL beside the project in an environment of its own, so that neither changes the other's versions:

    python3 -m venv /tmp/trl && echo "$PWD/.venv/lib/python3.11/site-packages" > /tmp/trl/lib/python3.11/site-packages/ours.pth
    /tmp/trl/bin/pip install --no-deps trl
    /tmp/trl/bin/pip install --no-deps git+https://github.com/arcee-ai/DistillKit   # optional
    /tmp/trl/bin/python benchmarks/compare_trl.py

Every line compares sums over 64 tokens of 2,048 outcomes: the relative difference of the values, and the largest
difference of the gradients over their largest entry. Lines that must agree and do not make the program fail. The chunked
ways are compared in float32, and so is DistillKit, which computes in it; all else in float64.
"""  # noqa: E501

from __future__ import annotations

import importlib.metadata
import os
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NamedTuple

os.environ["TRL_EXPERIMENTAL_SILENCE"] = (
    "1"  # its divergences are under trl.experimental, and it says so at every import
)

import torch
from torch import Tensor

from lightning_modules import (
    Divergence,
    ForwardKL,
    GeneralizedJSD,
    ReverseKL,
    SkewForwardKL,
    SkewReverseKL,
    SymmetricKL,
)
from lightning_modules.losses import Projection, TopK, chunked_terms, log_probabilities, top_k_log_probabilities
from lightning_modules.losses.divergences import mixture

TOKENS, OUTCOMES, KEPT, FEATURES = 64, 2048, 16, 32
Loss = Callable[[Tensor], Tensor]


class Case(NamedTuple):
    """One comparison: two ways from the student's logits to a sum over tokens."""

    name: str
    ours: Loss
    theirs: Loss
    tolerance: float = 1e-9
    """Largest difference allowed; infinite where the two mean different things."""
    dtype: torch.dtype = torch.float64


def dense(divergence: Divergence, teacher: Tensor, temperature: float = 1.0) -> Loss:
    """Return our divergence from the teacher's logits."""
    return lambda student: divergence.per_token(
        *log_probabilities(student, teacher.to(student.dtype), temperature)
    ).sum()


def stored(divergence: Divergence, known: TopK, temperature: float = 1.0) -> Loss:
    """Return our divergence from the teacher's most probable tokens."""
    return lambda student: divergence.per_token(*top_k_log_probabilities(student, known, temperature)).sum()


def trl_cases(teacher: Tensor, known: TopK) -> Iterator[Case]:
    """Yield what TRL has."""
    from trl.experimental.gold.gold_trainer import GOLDTrainer

    def jsd(student: Tensor, other: Tensor, beta: float, temperature: float = 1.0) -> Tensor:
        made: Tensor = GOLDTrainer.generalized_jsd_loss(
            student[None], other[None], beta=beta, temperature=temperature, num_items_in_batch=1
        )
        return made

    def skewed(student: Tensor, teacher_share: float) -> Tensor:
        return mixture(student.log_softmax(-1), teacher.log_softmax(-1), teacher_share)

    for temperature in (1.0, 2.0):
        at = f" at T = {temperature:g}"
        forward, reverse = (partial(jsd, other=teacher, beta=beta, temperature=temperature) for beta in (0, 1))
        yield Case(f"TRL: ForwardKL, beta 0{at}", dense(ForwardKL(), teacher, temperature), forward)
        yield Case(f"TRL: ReverseKL, beta 1{at}", dense(ReverseKL(), teacher, temperature), reverse)
        for beta in (0.1, 0.5, 0.9):
            mine = dense(GeneralizedJSD(beta), teacher, temperature)
            theirs = partial(jsd, other=teacher, beta=beta, temperature=temperature)
            yield Case(f"TRL: GeneralizedJSD, beta {beta}{at}", mine, theirs)
    yield Case(
        "TRL: SymmetricKL, its two directions weighted",
        dense(SymmetricKL(0.9), teacher),
        lambda student: 0.1 * jsd(student, teacher, 0) + 0.9 * jsd(student, teacher, 1),
    )
    yield Case(
        "TRL: SkewForwardKL, its beta 0 on the mixture",
        dense(SkewForwardKL(0.1), teacher),
        lambda student: jsd(skewed(student, 0.1), teacher, 0),
    )
    yield Case(
        "TRL: SkewReverseKL, its beta 1 on the mixture",
        dense(SkewReverseKL(0.1), teacher),
        lambda student: jsd(student, skewed(student, 0.9), 1),
    )
    yield from trl_stored(known)
    yield from trl_chunked()


def trl_stored(known: TopK) -> Iterator[Case]:
    """Yield TRL's divergences on the most probable tokens and a tail."""
    from trl.experimental.server_distillation import server_distillation_trainer as server

    everything = torch.ones_like(known.ids, dtype=torch.bool)

    def theirs(student: Tensor, beta: float) -> Tensor:
        mine, mask = server._add_tail_bucket(student.log_softmax(-1).gather(-1, known.ids), everything)
        other, _ = server._add_tail_bucket(known.log_probabilities, everything)
        made: Tensor = server._jsd_divergence(mine, other, beta, mask).sum()
        return made

    for name, divergence, beta in (
        ("ForwardKL", ForwardKL(), 0), ("ReverseKL", ReverseKL(), 1), ("GeneralizedJSD 0.3", GeneralizedJSD(0.3), 0.3),
    ):  # fmt: skip
        yield Case(f"TRL: {name}, top {KEPT} and tail", stored(divergence, known), partial(theirs, beta=beta), 1e-8)


def trl_chunked() -> Iterator[Case]:
    """Yield TRL's way from hidden states to a divergence without all logits; the input is the student's states."""
    from trl.kernels.chunked_divergence import ChunkedDivergenceFunction

    draw = torch.Generator().manual_seed(1)
    heads = [torch.randn(OUTCOMES, FEATURES, generator=draw) / FEATURES**0.5 for _ in range(2)]
    states = torch.randn(TOKENS, FEATURES, generator=draw)
    targets = torch.zeros(TOKENS, dtype=torch.int64)

    def ours(hidden: Tensor, divergence: Divergence) -> Tensor:
        def terms(student: Tensor, teacher: Any, ids: Tensor) -> Tensor:
            return divergence.per_token(*log_probabilities(student, teacher, 2.0))[None]

        sides = Projection(hidden, heads[0]), Projection(states, heads[1])
        return chunked_terms(terms, *sides, targets, torch.ones(1, TOKENS)).sum()

    def theirs(hidden: Tensor, beta: float) -> Tensor:
        made: Tensor = ChunkedDivergenceFunction.apply(
            hidden, heads[0], None, states, heads[1], None, beta, 2.0
        )[0].sum()  # fmt: skip
        return made

    for name, divergence, beta in (
        ("ForwardKL", ForwardKL(), 0.0), ("ReverseKL", ReverseKL(), 1.0), ("GeneralizedJSD 0.5", GeneralizedJSD(), 0.5),
    ):  # fmt: skip
        mine, other = partial(ours, divergence=divergence), partial(theirs, beta=beta)
        yield Case(f"TRL: {name}, chunked, at T = 2, from hidden states", mine, other, 1e-5, torch.float32)


def distillkit_cases(teacher: Tensor, known: TopK) -> Iterator[Case]:
    """Yield what DistillKit has."""
    from distillkit.lossfuncs.kl import dense_kl_div, sparse_kl_div
    from distillkit.missing_probability import MissingProbabilityHandling as Missing

    def sparse(student: Tensor, missing: Any, temperature: float = 1.0) -> Tensor:
        made: Tensor = sparse_kl_div(
            student[None], known.ids[None], known.log_probabilities[None].float(), missing=missing,
            temperature=temperature,
        )  # fmt: skip
        return made

    for temperature in (1.0, 2.0):
        yield Case(
            f"DistillKit: ForwardKL at T = {temperature:g}",
            dense(ForwardKL(), teacher, temperature),
            lambda student, t=temperature: dense_kl_div(student[None], teacher[None], temperature=t),
            1e-4,
            torch.float32,
        )
    tailed = partial(sparse, missing=Missing.SYMMETRIC_UNIFORM)
    yield Case(f"DistillKit: ForwardKL, top {KEPT} and tail", stored(ForwardKL(), known), tailed, 1e-4, torch.float32)
    yield Case(
        "DistillKit: the same at T = 2 (differs: see below)",
        stored(ForwardKL(), known, 2.0),
        partial(tailed, temperature=2.0),
        float("inf"),
        torch.float32,
    )
    yield Case(
        "DistillKit: the same without a tail, its default (differs: see below)",
        stored(ForwardKL(), known),
        partial(sparse, missing=Missing.ZERO),
        float("inf"),
        torch.float32,
    )


def difference(case: Case, student: Tensor) -> tuple[float, float]:
    """Return the relative differences of the values and of the gradients."""
    start = student[:, :FEATURES] if "hidden states" in case.name else student
    found = []
    for loss in (case.ours, case.theirs):
        learns = start.to(case.dtype).clone().requires_grad_()
        value = loss(learns)
        found.append((value.detach().double(), torch.autograd.grad(value, learns)[0].double()))
    (value, slope), (other, other_slope) = found
    return float((value - other).abs() / other.abs()), float(
        (slope - other_slope).abs().max() / other_slope.abs().max()
    )


def main() -> None:
    draw = torch.Generator().manual_seed(0)
    student, teacher = (3 * torch.randn(TOKENS, OUTCOMES, generator=draw, dtype=torch.float64) for _ in range(2))
    logs, ids = teacher.log_softmax(-1).topk(KEPT)
    known = TopK(ids, logs, 1 - logs.exp().sum(-1))
    worst: list[str] = []
    print(f"{'':62}  value     gradient")
    for package, cases in (("trl", trl_cases), ("distillkit", distillkit_cases)):
        try:
            print(f"{package} {importlib.metadata.version(package)}")
        except importlib.metadata.PackageNotFoundError:
            print(f"{package} is not installed: nothing to compare")
            continue
        for case in cases(teacher, known):
            value, slope = difference(case, student)
            print(f"{case.name:62}  {value:.1e}   {slope:.1e}", flush=True)
            worst += [case.name] if max(value, slope) > case.tolerance else []
    if worst:
        raise SystemExit(f"These should agree and do not: {', '.join(worst)}")


if __name__ == "__main__":
    main()
