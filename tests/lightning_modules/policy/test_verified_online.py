from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch import Callback

from curricula import Shuffled, plan
from lessons.errors import ConfigError
from lessons.grading import Grader
from lessons.lesson_set import LessonSet
from lessons.records import Grade, Message, Prompt
from lessons.tables import write_prompts
from lightning_modules import (
    CurriculumDataModule,
    GroupAdvantage,
    NegativeAware,
    OnlineVerifiedModule,
    PolicyLoss,
    Sampling,
    UpdateCheckpoint,
)
from lightning_modules.callbacks import RunFolder
from students import AnswerOnly, CharacterTokenizer, LoRA, RandomWeights, Student
from tests.lightning_modules.conftest import Gradients


class StartsWell(Grader):
    """Right is what begins with the reference; half the credit has what holds it."""

    def grade(self, text: str, prompt: Prompt) -> Grade:
        right = text.startswith(prompt.reference or "")
        return Grade(right, 1.0 if right else 0.5 * ((prompt.reference or "") in text), text, self.name)


class Figures(Callback):
    """Keeps what is logged with every update."""

    def __init__(self) -> None:
        self.rows: list[dict[str, float]] = []

    def on_train_batch_end(self, trainer: Any, module: Any, outputs: Any, batch: Any, index: int) -> None:
        if batch.plan.closes_update:
            self.rows.append({name: float(value) for name, value in trainer.callback_metrics.items()})


def beginner() -> RandomWeights:
    """What the student knows before training."""
    recipe = CharacterTokenizer("01234567?")
    return RandomWeights(16, layers=1, heads=2, max_positions=32, tokenizer=recipe)


@pytest.fixture(scope="session")
def questions(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Twenty-four questions that all want an answer beginning with 7."""
    path = tmp_path_factory.mktemp("questions") / "prompts.parquet"
    write_prompts(path, [Prompt(f"p{n}", (Message("user", f"{n % 8}?"),), "7") for n in range(24)])
    return str(path)


@pytest.fixture
def go(questions: str, trainer: Callable[..., Any], tmp_path: Path) -> Callable[..., Any]:
    def run(
        loss: PolicyLoss,
        micro_batches: int = 1,
        passes: int = 1,
        precision: str = "64-true",
        callbacks: Any = (),
        samples: int = 6,
        ckpt_path: Any = None,
        lessons_per_update: int = 8,
        root: Path | None = None,
        learning_rate: float = 0.01,
        max_steps: int = -1,
        adapter: LoRA | None = None,
        **settings: Any,
    ) -> Any:
        module = OnlineVerifiedModule(
            Student(beginner(), adapter, precision="float32"),
            loss,
            Sampling(max_new_tokens=3, samples=samples),
            settings.pop("grader", StartsWell()),
            optimizer=lambda parameters: torch.optim.AdamW(parameters, lr=learning_rate, weight_decay=0.0),
            **settings,
        )
        plan(LessonSet.read(questions), [], Shuffled(), passes=passes).curriculum.write(tmp_path / f"{passes} passes")
        data = CurriculumDataModule(
            questions,
            AnswerOnly(),
            curriculum=str(tmp_path / f"{passes} passes"),
            lessons_per_update=lessons_per_update,
        )
        seen, figures = Gradients(), Figures()
        where = {"default_root_dir": root, "enable_checkpointing": True} if root else {}
        built = trainer(
            seen, figures, *callbacks, accumulate_grad_batches=micro_batches, precision=precision, max_steps=max_steps,
            **where,
        )  # fmt: skip
        built.fit(module, data, ckpt_path=ckpt_path)
        seen.rows, seen.module = figures.rows, module
        return seen

    return run


@pytest.mark.parametrize("loss", [GroupAdvantage(), NegativeAware()], ids=["GRPO", "NFT"])
def test_the_reward_rises(go: Any, loss: PolicyLoss) -> None:
    rows = go(loss, passes=8, precision="32-true").rows
    rewards = [row["reward"] for row in rows]
    assert sum(rewards[:3]) / 3 < 0.45
    assert sum(rewards[-3:]) / 3 > 0.9
    assert all(row["ratio"] == 1 and row["ratio_spread"] == 0 for row in rows)  # every update has just been sampled


def test_a_reward_that_has_nothing_to_do_with_the_answer_teaches_nothing(go: Any) -> None:
    """The control of the test above: the same run, without anything to find out."""

    class Fair(Grader):
        def __init__(self) -> None:
            self.tosses = torch.Generator().manual_seed(0)

        def grade(self, text: str, prompt: Prompt) -> Grade:
            return Grade(bool(torch.rand(1, generator=self.tosses) < 0.5), 0.0, None, self.name)

    class Watched(Callback):
        def __init__(self) -> None:
            self.shares: list[float] = []

        def on_train_batch_start(self, trainer: Any, module: Any, batch: Any, index: int) -> None:
            first = batch.targets[torch.cat([torch.ones(1, dtype=torch.bool), batch.sequences.diff() > 0])]
            seven = module.student.tokenizer.convert_tokens_to_ids("7")
            self.shares.append(float((first == seven).double().mean()))

    watched = Watched()
    go(GroupAdvantage(), passes=8, precision="32-true", callbacks=[watched], grader=Fair())
    assert sum(watched.shares[-3:]) / 3 < 0.5


@pytest.mark.parametrize("adapter", [None, LoRA(rank=4)], ids=["whole", "adapter"])
def test_the_reference_is_the_student_before_training(go: Any, adapter: LoRA | None) -> None:
    start = beginner().load(torch.float32).model
    found: list[float] = []

    class Compared(Callback):
        """Computes anew what every update is away from the weights that were drawn at the beginning."""

        def on_train_batch_start(self, trainer: Any, module: Any, batch: Any, index: int) -> None:
            with torch.no_grad():
                logs = [model(input_ids=batch.input_ids).logits.log_softmax(-1) for model in (start, module.model)]
            before, now = (found.flatten(0, 1)[batch.positions, batch.targets].double() for found in logs)
            away = before - now
            found.append(float((away.exp() - away - 1).mean()))

    settings = {"adapter": adapter, "one_sided": "keep", "precision": "32-true", "learning_rate": 0.1}
    rows = go(GroupAdvantage(), callbacks=[Compared()], reference_weight=0.5, **settings).rows
    distances = [row["reference_distance"] for row in rows]
    assert distances == pytest.approx(found, rel=1e-4, abs=1e-7)
    assert distances[0] == 0
    assert distances[-1] > 0.005


def test_the_penalty_holds_the_student_back(go: Any) -> None:
    free, held = (
        go(GroupAdvantage(), passes=3, precision="32-true", reference_weight=beta).rows for beta in (1e-9, 3.0)
    )
    assert held[0] == free[0]
    assert held[-1]["reference_distance"] < 0.5 * free[-1]["reference_distance"]
    assert "reference_distance" not in go(GroupAdvantage(), max_steps=1).rows[0]


def test_questions_with_nothing_to_compare_are_counted_and_left_out_of_the_average(go: Any) -> None:
    left, kept = (
        go(GroupAdvantage(), max_steps=1, average="answers", one_sided=rule) for rule in ("leave_out", "keep")
    )
    share = kept.rows[0]["one_sided"]
    assert 0 < share < 1
    assert left.rows[0]["one_sided"] == share
    assert left.rows[0]["reward"] == kept.rows[0]["reward"]  # of all answers, whatever is trained
    for name, gradient in left.steps[0].items():  # the same sum, over fewer answers; shares are logged in float32
        torch.testing.assert_close(gradient * (1 - share), kept.steps[0][name], rtol=1e-5, atol=1e-8)


def test_partial_credit_is_a_reward_for_those_who_can_use_it(go: Any) -> None:
    whole, part = (go(GroupAdvantage(), max_steps=1, reward=source).rows[0] for source in ("correct", "score"))
    assert part["reward"] > whole["reward"]
    assert part["one_sided"] < whole["one_sided"]


@pytest.mark.parametrize(
    ("loss", "settings", "message"),
    [
        (GroupAdvantage(), {"samples": 1}, r"There is 1 answer to every question.*4 to 16 are usual. Raise `samples`"),
        (
            NegativeAware(),
            {"reward": "score"},
            r"NegativeAware knows right and wrong.*reward is 'score'.*Set it, or use",
        ),
        (GroupAdvantage(clip_above=-1), {}, r"GroupAdvantage got clip_above=-1"),
    ],
)
def test_settings_that_teach_nothing_are_refused(go: Any, loss: PolicyLoss, settings: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        go(loss, **settings)


def test_a_resumed_run_writes_and_learns_what_the_whole_run_would_have(go: Any, tmp_path: Path) -> None:
    class Killed(Callback):
        def on_train_batch_start(self, trainer: Any, module: Any, batch: Any, index: int) -> None:
            if index == 2:
                raise ZeroDivisionError("killed")

    def run(folder: str, *callbacks: Callback, **settings: Any) -> Any:
        saving = UpdateCheckpoint(every_updates=1)
        settings |= {"callbacks": [saving, *callbacks], "precision": "32-true", "reference_weight": 0.2}
        return go(NegativeAware(), root=tmp_path / folder, **settings)

    whole = run("whole")
    with pytest.raises(ZeroDivisionError, match="killed"):
        run("broken", Killed())
    rest = run("broken", ckpt_path=RunFolder(tmp_path / "broken").checkpoint)
    assert rest.losses == whole.losses[2:]
    assert rest.rows == whole.rows[2:]
    for name, tensor in whole.module.model.state_dict().items():
        assert torch.equal(rest.module.model.state_dict()[name], tensor)
