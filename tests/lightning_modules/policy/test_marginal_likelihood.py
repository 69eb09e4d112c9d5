from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from curricula import Curriculum
from lessons.errors import ConfigError
from lessons.lesson_set import LessonSet
from lightning_modules import MarginalLikelihood
from students import AnswerGroups, render_all
from tests.lightning_modules.conftest import Gradients


@pytest.fixture
def train(tiny: Any, groups: Any, trainer: Any) -> Any:
    def run(micro_batches: int = 1, max_steps: int = -1, data: Any = None, **settings: Any) -> Gradients:
        seen = Gradients()
        settings.setdefault("optimizer", lambda parameters: torch.optim.SGD(parameters, lr=0.01))
        built = trainer(seen, accumulate_grad_batches=micro_batches, precision="64-true", max_steps=max_steps)
        built.fit(MarginalLikelihood(tiny(), **settings), data or groups(right_only=True))
        return seen

    return run


@pytest.mark.parametrize(
    ("exponent", "supervised", "size", "micro_batches"),
    # In the last, every question comes twice in one micro-batch and must not be taken for one with twice the answers.
    [(1.0, 0.0, 8, 4), (0.25, 0.0, 8, 2), (0.5, 0.3, 8, 8), (0.5, 0.0, 18, 1)],
)
def test_loss_and_gradients_equal_a_reference_written_by_hand(
    train: Any,
    tiny: Any,
    groups: Any,
    groups_folder: Path,
    exponent: float,
    supervised: float,
    size: int,
    micro_batches: int,
) -> None:
    data = groups(size, right_only=True)
    seen = train(micro_batches, 1, data, exponent=exponent, supervised_weight=supervised)
    model = tiny().weights.load(torch.float32).model.double()
    plan = Curriculum.read(groups_folder)
    rendering = groups(right_only=True).rendering
    examples = render_all(rendering, LessonSet.read(groups_folder / "prompts.parquet"), tiny().encoder).examples
    chosen = [(n, w) for n, w in zip(plan.lesson_ids, plan.weight.tolist(), strict=True) if n in examples][:size]
    whole, weight = torch.zeros((), dtype=torch.float64), 0.0
    for name, factor in chosen:
        logs = []
        for example in examples[name]:
            ids = torch.tensor([example.input_ids])
            at = model(input_ids=ids).logits[0].log_softmax(-1)
            learnt = [t for t in range(1, len(example.input_ids)) if example.weights[t]]
            logs.append(sum(at[t - 1, ids[0, t]] for t in learnt))
        together = -torch.logsumexp(exponent * torch.stack(logs), 0) / exponent
        whole = whole + factor * ((1 - supervised) * together - supervised * sum(logs) / len(logs))
        weight += factor
    (whole / weight).backward()
    assert seen.losses[0] == pytest.approx(whole.item() / weight, rel=1e-9)
    gradients = {f"model.{name}": p.grad for name, p in model.named_parameters()}
    for name, gradient in seen.steps[0].items():
        torch.testing.assert_close(gradient, gradients[name], rtol=1e-8, atol=1e-11)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"exponent": 0.0}, r"exponent=0.0 and supervised_weight=0.0. Allowed are an exponent above 0"),
        ({"supervised_weight": 1.5}, r"supervised_weight=1.5.*a weight from 0 to 1. Correct them"),
    ],
)
def test_settings_out_of_range_are_refused(train: Any, settings: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        train(**settings)


def test_wrong_answers_are_refused(train: Any, groups: Any, groups_folder: Path) -> None:
    with pytest.raises(ConfigError, match=r"sets of right answers; these.*rewards other than 1.*right_only: true"):
        train(data=groups(rendering=AnswerGroups(str(groups_folder / "attempts.parquet"))))
