from __future__ import annotations

from typing import Any

import pytest
import torch
from lightning.pytorch import Callback

from lessons.errors import ConfigError
from lightning_modules import MaskedTokens, NoisyInputs, OwnTokens, SupervisedModule
from lightning_modules.data.collate import Batch
from students import TwoTask


class Looking(Callback):
    """Compares every micro-batch with the plan's."""

    def __init__(self) -> None:
        self.shares: dict[int, list[bool]] = {}
        self.words: list[tuple[int, int]] = []
        self.expected: list[tuple[int, int]] = []

    def on_train_batch_start(self, trainer: Any, module: Any, batch: Batch, index: int) -> None:
        planned = trainer.datamodule.batches.numbered(index)
        assert torch.equal(planned.targets, batch.targets)
        assert torch.equal(planned.weights, batch.weights)
        learnt = torch.zeros(planned.input_ids.numel(), dtype=torch.bool)
        learnt[(planned.positions + 1)[planned.positions + 1 < learnt.numel()]] = True
        changed = (planned.input_ids != batch.input_ids).flatten()
        assert not (changed & ~learnt).any()  # nothing of the question
        lessons = trainer.datamodule.batches.lessons
        lengths = [len(lessons.sequence(number).tokens) for number in batch.plan.sequence_numbers]
        width = planned.input_ids.shape[1]
        for row, length in enumerate(lengths):
            assert not changed[row * width + length - 1 : (row + 1) * width].any()  # nothing of the padding
        readable = learnt & (planned.input_ids.flatten() != 0)  # id 0 is what rows are padded with
        self.shares.setdefault(batch.plan.update, []).extend(changed[readable].tolist())
        predicted = module.model(input_ids=planned.input_ids).logits.argmax(-1).flatten()
        places = changed.nonzero()[:, 0]
        self.words += list(zip(batch.input_ids.flatten()[places].tolist(), predicted[places - 1].tolist(), strict=True))


def test_answers_are_masked_more_and_more_and_learnt_as_they_are(tiny: Any, data: Any, trainer: Any) -> None:
    looking = Looking()
    module = NoisyInputs(tiny(), MaskedTokens("~"), share=0.5, warmup_share=0.5)
    trainer(looking, accumulate_grad_batches=2).fit(module, data(7))
    shares = [sum(found) / len(found) for _, found in sorted(looking.shares.items())]
    assert len(shares) == 6
    assert shares[0] == 0
    for share, expected in zip(shares, [0, 1 / 6, 1 / 3, 0.5, 0.5, 0.5], strict=True):
        assert share == pytest.approx(expected, abs=0.12)
    mask = module.student.tokenizer.convert_tokens_to_ids("~")
    assert {word for word, _ in looking.words} == {mask}


def test_a_students_own_words_are_what_it_would_have_written_there(tiny: Any, data: Any, trainer: Any) -> None:
    looking = Looking()
    trainer(looking, max_steps=2).fit(NoisyInputs(tiny(), OwnTokens(), share=0.5, warmup_share=0.0), data(7))
    assert len(looking.words) > 50
    assert all(word == predicted for word, predicted in looking.words)
    drawn = Looking()
    trainer(drawn, max_steps=2).fit(NoisyInputs(tiny(), OwnTokens(1.0), share=0.5, warmup_share=0.0), data(7))
    assert any(word != predicted for word, predicted in drawn.words)


@pytest.mark.parametrize("noise", [MaskedTokens(), OwnTokens(1.0)], ids=["masked", "own"])
def test_gradients_do_not_depend_on_the_split_into_micro_batches(fit: Any, tiny: Any, noise: Any) -> None:
    def run(micro_batches: int) -> Any:
        module = NoisyInputs(tiny(), noise, share=0.5, warmup_share=0.3)
        return fit(micro_batches, "64-true", rendering=TwoTask(), module=module, max_steps=3)

    whole = run(1)
    assert (
        whole.losses[-1]
        != fit(1, "64-true", rendering=TwoTask(), module=SupervisedModule(tiny()), max_steps=3).losses[-1]
    )
    for split in (run(2), run(8)):
        assert split.losses == pytest.approx(whole.losses, rel=1e-9)
        for mine, other in zip(split.steps, whole.steps, strict=True):
            for name in mine:
                torch.testing.assert_close(mine[name], other[name], rtol=1e-9, atol=1e-12)


def test_without_noise_it_is_supervised_training(fit: Any, tiny: Any) -> None:
    plain = fit(2, "64-true", max_steps=2)
    for noise in (MaskedTokens(), OwnTokens()):
        quiet = fit(2, "64-true", module=NoisyInputs(tiny(), noise, share=0.0), max_steps=2)
        assert quiet.losses == plain.losses


@pytest.mark.parametrize(
    ("noise", "settings", "message"),
    [
        (MaskedTokens(), {"share": 1.2}, r"share=1.2 and warmup_share=0.66; allowed are numbers from 0 to 1"),
        (MaskedTokens("<none>"), {}, r"the token '<none>', which the tokenizer of .* does not have.*or leave it out"),
        (OwnTokens(-1.0), {}, r"OwnTokens got temperature=-1.0; allowed is 0.*Correct `temperature`"),
    ],
)
def test_settings_that_cannot_work_are_refused(
    tiny: Any, data: Any, trainer: Any, noise: Any, settings: Any, message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        trainer().fit(NoisyInputs(tiny(), noise, **settings), data(7))
