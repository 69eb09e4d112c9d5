"""Value and gradient of our preference losses beside those of TRL, on the same pairs, models and token ids.

TRL is no dependency of this project. In an environment that has it beside ours:

    python -m venv --system-site-packages trl-env && trl-env/bin/pip install trl
    PYTHONPATH=. trl-env/bin/python benchmarks/compare_trl_preferences.py

Both sides do one forward and backward pass over all pairs at once, in float32, through their own code from token ids to
gradients: ours the data module and `PreferenceModule`, TRL's its collators and trainers.
"""

from __future__ import annotations

import sys
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from lessons import ArithmeticSource, RightAgainstWrong
from lessons.records import Annotation, Grade, Provenance
from lessons.tables import write_annotations, write_prompts
from lightning_modules import DPO, IPO, KTO, ORPO, CurriculumDataModule, Preference, PreferenceModule, SimPO
from lightning_modules.data.rendered import RenderedLessons
from students import Contrasts, Pairs, RandomWeights, Rendering, Student

PAIRS = 12
SUPERVISED = 0.5


def main() -> None:
    warnings.filterwarnings("ignore")
    import trl

    print(f"trl {trl.__version__}, torch {torch.__version__}; {PAIRS} pairs, float32\n")
    print("| loss | ours | TRL | difference of gradients, of their norm |\n|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        write_round(Path(folder))
        for name, preference, theirs in ROWS:
            value, gradients = ours(Path(folder), preference)
            other, others = theirs(Path(folder), preference)
            off = torch.sqrt(sum((gradients[k] - others[k]).square().sum() for k in gradients))
            norm = torch.sqrt(sum(found.square().sum() for found in others.values()))
            print(f"| {name} | {value:.7f} | {other:.7f} | {float(off / norm):.1e} |")
            sys.stdout.flush()


def write_round(folder: Path) -> None:
    """Write sums with a right and a wrong solution each, of different lengths."""
    prompts = list(ArithmeticSource(size=PAIRS, digits=3).prompts())
    source = Provenance("Recorded", "none", "rationale/1", "none")
    written = []
    for number, prompt in enumerate(prompts):
        for sample, right in enumerate((True, False)):
            answer = str(int(prompt.reference or 0) + (not right))
            text = "so " * (1 + (3 * number + 5 * sample) % 11) + "there."
            grade = Grade(right, float(right), answer, "exact/1")
            written.append(Annotation(prompt.id, "rationale", sample, text, source, answer=answer, grade=grade))
    write_prompts(folder / "prompts.parquet", prompts)
    write_annotations(folder / "lessons.parquet", written)


def policy() -> Student:
    return Student(RandomWeights(hidden_size=32, layers=2, heads=2, seed=8), precision="float32")


def reference() -> Student:
    return Student(RandomWeights(hidden_size=32, layers=2, heads=2, seed=5), precision="float32")


def rendering_of(preference: Preference) -> Rendering:
    return Contrasts(mismatched=True) if isinstance(preference, KTO) else Pairs(RightAgainstWrong())


def data_of(folder: Path, preference: Preference) -> CurriculumDataModule:
    return CurriculumDataModule(
        str(folder / "prompts.parquet"),
        rendering_of(preference),
        str(folder / "lessons.parquet"),
        lessons_per_update=PAIRS,
    )


def ours(folder: Path, preference: Preference) -> tuple[float, dict[str, Tensor]]:
    """Return the loss of the update and its gradients, from one step of `PreferenceModule` at learning rate 0."""
    from lightning.pytorch import Callback, Trainer

    seen: dict[str, Tensor] = {}

    class Keep(Callback):
        def on_before_optimizer_step(self, trainer: Any, pl_module: Any, optimizer: Any) -> None:
            seen.update({n.removeprefix("model."): p.grad.clone() for n, p in pl_module.named_parameters()})

    other = reference() if preference.needs_reference else None
    module = PreferenceModule(policy(), preference, other, lambda parameters: torch.optim.SGD(parameters, lr=0.0))
    quiet = {"logger": False, "enable_progress_bar": False, "enable_model_summary": False}
    trainer = Trainer(
        accelerator="cpu", devices=1, max_epochs=1, callbacks=[Keep()], enable_checkpointing=False, **quiet
    )
    if isinstance(preference, KTO):  # TRL takes z0 of the batch at hand, we of the update before: made the same here
        trainer.fit(module, data_of(folder, preference))
        trainer = Trainer(
            accelerator="cpu", devices=1, max_epochs=1, callbacks=[Keep()], enable_checkpointing=False, **quiet
        )
    trainer.fit(module, data_of(folder, preference))
    return float(module.update_loss), seen


def rows_of(folder: Path, preference: Preference) -> list[dict[str, Any]]:
    """Return the sequences of our own rendering, in the form of TRL's collators."""
    data = data_of(folder, preference)
    rendered: RenderedLessons = data.build(policy().encoder).lessons
    rows = []
    for lesson in range(len(rendered)):
        sides = {}
        for found in rendered.sequences(lesson):
            border = int((found.weights > 0).argmax())
            part = rendered.part_names[found.part]
            sides["prompt_ids"] = found.tokens[:border].tolist()
            sides[f"{part}_ids"] = found.tokens[border:].tolist()
        rows.append(sides)
    return rows


def gradients_of(model: Any, loss: Tensor) -> tuple[float, dict[str, Tensor]]:
    loss.backward()
    return float(loss.detach()), {name: p.grad for name, p in model.named_parameters()}


def trainer_of(kind: str, config: str, folder: Path, package: str, **settings: Any) -> Any:
    """Build one of TRL's trainers around our models."""
    import importlib

    from datasets import Dataset

    module = importlib.import_module(package)
    shared = {"output_dir": str(folder / "trl"), "report_to": [], "use_cpu": True, "bf16": False}
    args = getattr(module, config)(
        **shared, per_device_train_batch_size=PAIRS, gradient_checkpointing=False, **settings
    )
    columns = {"prompt": ["1+1?"] * 2, "chosen": ["2"] * 2, "rejected": ["3"] * 2}
    if kind == "KTOTrainer":
        columns = {"prompt": ["1+1?"] * 2, "completion": ["2", "3"], "label": [True, False]}
    student = policy()
    models = {"model": student.weights.load(torch.float32).model}
    if kind in ("DPOTrainer", "KTOTrainer"):
        models["ref_model"] = reference().weights.load(torch.float32).model
    data = Dataset.from_dict(columns)
    return getattr(module, kind)(**models, args=args, train_dataset=data, processing_class=student.tokenizer)


def dpo(**settings: Any) -> Callable[..., Any]:
    def run(folder: Path, preference: Preference) -> tuple[float, dict[str, Tensor]]:
        trainer = trainer_of("DPOTrainer", "DPOConfig", folder, "trl", **settings)
        batch = trainer.data_collator(rows_of(folder, preference))
        return gradients_of(trainer.model, trainer.compute_loss(trainer.model, batch))

    return run


def kto(folder: Path, preference: Preference) -> tuple[float, dict[str, Tensor]]:
    trainer = trainer_of(
        "KTOTrainer", "KTOConfig", folder, "trl", beta=0.5, desirable_weight=1.5, undesirable_weight=0.5,
        train_sampling_strategy="sequential",
    )  # fmt: skip
    rows = [
        {"prompt_ids": row["prompt_ids"], "completion_ids": row[f"{side}_ids"], "label": side == "chosen",
         "KL_completion_ids": row["mismatched_ids"]}
        for row in rows_of(folder, preference)
        for side in ("chosen", "rejected")
    ]  # fmt: skip
    return gradients_of(trainer.model, trainer.compute_loss(trainer.model, trainer.data_collator(rows)))


def padded(rows: list[dict[str, Any]], side: str) -> dict[str, Tensor]:
    """Return one side as the older collator made it: ids, mask, and labels without the prompt."""
    width = max(len(row["prompt_ids"] + row[f"{side}_ids"]) for row in rows)
    ids = torch.zeros(len(rows), width, dtype=torch.int64)
    mask, labels = torch.zeros_like(ids), torch.full_like(ids, -100)
    for k, row in enumerate(rows):
        whole, start = row["prompt_ids"] + row[f"{side}_ids"], len(row["prompt_ids"])
        ids[k, : len(whole)], mask[k, : len(whole)] = torch.tensor(whole), 1
        labels[k, start : len(whole)] = torch.tensor(whole[start:])
    return {f"{side}_input_ids": ids, f"{side}_attention_mask": mask, f"{side}_labels": labels}


def simpo(folder: Path, preference: Preference) -> tuple[float, dict[str, Tensor]]:
    settings = {"loss_type": "simpo", "cpo_alpha": 0.0, "beta": 2.5, "simpo_gamma": 1.5}
    trainer = trainer_of("CPOTrainer", "CPOConfig", folder, "trl.experimental.cpo", **settings)
    rows = rows_of(folder, preference)
    loss, _ = trainer.get_batch_loss_metrics(trainer.model, padded(rows, "chosen") | padded(rows, "rejected"))
    return gradients_of(trainer.model, loss)


def odds(folder: Path, preference: Preference) -> tuple[float, dict[str, Tensor]]:
    """The odds term alone: TRL takes its likelihood over prompt and answer, we over the answer."""
    trainer = trainer_of("ORPOTrainer", "ORPOConfig", folder, "trl.experimental.orpo", beta=0.25)
    rows = rows_of(folder, preference)
    found = trainer.concatenated_forward(trainer.model, padded(rows, "chosen") | padded(rows, "rejected"))
    return gradients_of(trainer.model, -trainer.odds_ratio_loss(found[0], found[1])[0].mean())


ROWS: list[tuple[str, Preference, Callable[..., Any]]] = [
    ("DPO, sums", DPO(0.3), dpo(beta=0.3, loss_type=["sigmoid"])),
    ("DPO, means", DPO(5.0, "mean"), dpo(beta=5.0, loss_type=["sigmoid_norm"])),
    (
        "DPO + likelihood",
        DPO(0.3, supervised_weight=SUPERVISED),
        dpo(beta=0.3, loss_type=["sigmoid", "sft"], loss_weights=[1.0, SUPERVISED]),
    ),
    ("IPO", IPO(0.2), dpo(beta=0.2, loss_type=["ipo"])),
    ("SimPO", SimPO(2.5, 1.5), simpo),
    ("ORPO, odds term", ORPO(0.25, supervised_weight=0.0), odds),
    ("KTO", KTO(0.5, 1.5, 0.5), kto),
]

if __name__ == "__main__":
    main()
