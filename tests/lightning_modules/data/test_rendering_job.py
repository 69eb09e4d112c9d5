from __future__ import annotations

import importlib
import pickle
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from lessons.errors import ConfigError, RenderingError
from lessons.lesson_set import LessonSet
from lightning_modules import CurriculumDataModule
from lightning_modules.data import rendering_job
from lightning_modules.data.rendering_job import RenderingJob, described
from students import AnswerOnly, RationalePrefix, RationaleThenAnswer, Rendering, Student, TwoTask, Views

Files = dict[str, Path | None]


@pytest.fixture
def files(round_folder: Path) -> Files:
    return {"prompts": round_folder / "prompts.parquet", "annotations": round_folder / "lessons.parquet"}


@pytest.fixture
def job(files: Files, tiny: Callable[..., Student]) -> Callable[..., RenderingJob]:
    def build(rendering: Rendering | None = None, **changes: Any) -> RenderingJob:
        lessons = LessonSet.read(files["prompts"], files["annotations"], target="rationale")
        made = RenderingJob(rendering or RationaleThenAnswer(), lessons, np.arange(len(lessons))[::-1], tiny().encoder)
        return replace(made, **changes)

    return build


@pytest.fixture
def rendered(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many lessons were rendered, each time."""
    counts: list[int] = []
    inner = rendering_job.render_blocks

    def counting(*given: Any) -> Iterator[Any]:
        for block in inner(*given):
            counts.append(len(block.examples) + len(block.dropped))
            yield block

    monkeypatch.setattr(rendering_job, "render_blocks", counting)
    return counts


@pytest.mark.parametrize(
    ("rendering", "max_tokens"),
    [(RationaleThenAnswer(), 60), (TwoTask(), None), (Views([RationalePrefix(0.5), RationaleThenAnswer()]), None)],
    ids=["one sequence", "two parts", "two views"],
)
def test_a_folder_holds_what_memory_would(
    job: Callable[..., RenderingJob], files: Files, tmp_path: Path, rendering: Rendering, max_tokens: int | None
) -> None:
    own = job(rendering, max_tokens=max_tokens)
    memory, folder = own.run(), own.shared(tmp_path, files)
    assert isinstance(folder.lessons.tokens, np.memmap)
    assert isinstance(folder.lessons.weights, np.memmap)
    assert folder.lessons.ids == memory.lessons.ids
    assert folder.lessons.fingerprint == memory.lessons.fingerprint
    assert folder.kept.tolist() == memory.kept.tolist()
    assert folder[2:] == memory[2:]
    assert (folder.dropped > 0) == (max_tokens is not None)
    for name in ("lengths", "longest", "supervised", "part_totals", "sequence_counts"):
        assert np.array_equal(getattr(folder.lessons, name), getattr(memory.lessons, name))


def test_what_was_rendered_is_used_again_and_anything_else_is_rendered_beside_it(
    job: Callable[..., RenderingJob], files: Files, tmp_path: Path, rendered: list[int], tiny: Callable[..., Student]
) -> None:
    first = job()
    first.shared(tmp_path, files)
    job().shared(tmp_path, files)
    assert len(rendered) == 1
    other_template = tiny()
    other_template.chat_template = (
        "{% for m in messages %}{{ m.content }};{% endfor %}{% if add_generation_prompt %}{% endif %}"
    )
    changes = [
        {"max_tokens": 60},
        {"over_long": "refuse"},
        {"positions": first.positions[::-1].copy()},
        {"positions": first.positions[:-1].copy()},
        {"rendering": AnswerOnly()},
        {"rendering": Views([RationalePrefix(0.5), RationaleThenAnswer()])},
        {"rendering": Views([RationalePrefix(0.25), RationaleThenAnswer()])},
        {"encoder": type(first.encoder)(tiny().tokenizer, {"enable_thinking": False})},
    ]
    stamps = {replace(first, **change).stamp(files) for change in changes}
    assert len(stamps) == len(changes)
    assert first.stamp(files) not in stamps
    touched = tmp_path / "prompts.parquet"
    touched.write_bytes(files["prompts"].read_bytes() + b" ")
    assert first.stamp({**files, "prompts": touched}) != first.stamp(files)
    replace(first, max_tokens=60).shared(tmp_path, files)
    assert len(rendered) == 2
    assert len([path for path in tmp_path.iterdir() if path.is_dir()]) == 2


def test_a_rendering_whose_code_changes_renders_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "my_changing_rendering.py"
    file.write_text("from students import AnswerOnly\n\n\nclass Mine(AnswerOnly):\n    pass\n")
    monkeypatch.syspath_prepend(tmp_path)
    mine = importlib.import_module("my_changing_rendering").Mine()
    before = described(mine)
    assert described(mine) == before
    file.write_text(file.read_text() + "    # changed\n")
    assert described(mine) != before


def test_an_argument_that_nobody_can_see_is_refused() -> None:
    class Secretive(AnswerOnly):
        def __init__(self, style: str = "plain") -> None:
            super().__init__()
            self.kept_elsewhere = style

    with pytest.raises(ConfigError, match=r"Secretive does not keep .* 'style' .* Needed is self.style = style"):
        described(Secretive())


def test_a_failed_rendering_leaves_nothing_behind(
    job: Callable[..., RenderingJob], files: Files, tmp_path: Path
) -> None:
    with pytest.raises(RenderingError, match="at most 60 are allowed"):
        job(max_tokens=60, over_long="refuse").shared(tmp_path, files)
    assert not [path for path in tmp_path.iterdir() if path.suffix != ".lock"]
    with pytest.raises(RenderingError, match="No lesson is left"):
        job(max_tokens=2).shared(tmp_path, files)


def test_mapped_tokens_go_to_another_process_as_the_name_of_their_file(
    job: Callable[..., RenderingJob], files: Files, tmp_path: Path
) -> None:
    lessons = job().shared(tmp_path, files).lessons
    sent = pickle.dumps(lessons)
    again = pickle.loads(sent)
    assert len(sent) < len(pickle.dumps(np.asarray(lessons.tokens)))
    assert isinstance(again.tokens, np.memmap)
    assert again.fingerprint == lessons.fingerprint


@pytest.mark.parametrize("workers", [0, 2])
def test_training_from_a_folder_is_bit_for_bit_training_from_memory(
    fit: Callable[..., Any], tmp_path: Path, workers: int
) -> None:
    memory = fit(2, rendering=TwoTask(), max_steps=3)
    mapped = fit(2, rendering=TwoTask(), max_steps=3, rendered=str(tmp_path / "tokens"), workers=workers)
    assert mapped.losses == memory.losses
    for mine, other in zip(mapped.steps, memory.steps, strict=True):
        assert all(torch.equal(mine[name], other[name]) for name in other)


def test_a_data_module_renders_once(
    data: Callable[..., CurriculumDataModule], tiny: Callable[..., Student], tmp_path: Path, rendered: list[int]
) -> None:
    for _ in range(2):
        module = data(8, rendered=str(tmp_path), max_tokens=60)
        module.build(tiny().encoder)
        assert module.dropped_lessons > 0
    assert rendered == [21]
