"""Checks of the student: tokenizer and chat template, memory, and one training sequence to look at."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from rich.text import Text

from lessons.lesson_set import LessonSet
from lessons.records import Annotation, Lesson, Prompt, Provenance
from students import GGUF, Pretrained, Student, preview
from tutelage.arms import Arm
from tutelage.checkup.finding import Finding

__all__ = ["check_memory", "check_sample", "check_template", "parameters_on_disk", "sample_lesson"]

BYTES = {"float32": 4, "bfloat16": 2, "float16": 2}
ADAM_BYTES = 8
"""Bytes of Adam's two averages for each trained parameter, in float32."""


def check_template(student: Student, prompt: Prompt) -> Iterator[Finding]:
    """Render one conversation: the training text must begin with exactly what is asked at an exam."""
    encoder = student.encoder
    asked = encoder.prompt_ids(prompt.messages)
    ids = encoder.completion_ids(prompt.messages, prompt.reference or "An answer.")
    text = f"{len(asked)} tokens ask, {len(ids)} answer; the answer ends with the end-of-turn token"
    yield Finding("ok" if ids[-1] in encoder.stop_ids else "fail", "chat template", text)


def check_memory(student: Student) -> Iterator[Finding]:
    """Compare what weights, gradients and optimiser take with what the machine has."""
    count = parameters_on_disk(student)
    if count is None:
        yield Finding("warn", "memory", "not estimated: the weights are not in safetensors format yet")
        return
    choice = student.number_format
    width = BYTES.get(str(choice.dtype).removeprefix("torch."), 4)
    trained = count if student.adapter is None else count // 50  # a low-rank adapter is a few percent at most
    needed = count * width + trained * (width + ADAM_BYTES)
    available, where = memory()
    text = (
        f"about {needed / 2**30:.2f} GiB for weights, gradients and Adam ({count / 1e6:.1f} million parameters, "
        f"{width} bytes each), activations not counted; {available / 2**30:.1f} GiB {where}"
    )
    yield Finding("ok" if needed < 0.8 * available else "warn", "memory", text)


def memory() -> tuple[int, str]:
    """Return the bytes that training can use, and where."""
    import psutil
    import torch

    if torch.cuda.is_available():
        free, _total = torch.cuda.mem_get_info()
        return int(free), "free on the GPU"
    return int(psutil.virtual_memory().available), "free on this machine, which has no GPU"


def parameters_on_disk(student: Student) -> int | None:
    """Count parameters from the heads of safetensors files, or by building a model that starts from nothing."""
    if isinstance(student.weights, Pretrained):
        return sum(parameters_of(path) for path in student.weights.folder.glob("*.safetensors"))
    if isinstance(student.weights, GGUF):
        return None
    return sum(p.numel() for p in student.base_model.parameters())


def parameters_of(path: Path) -> int:
    """Count the numbers in a safetensors file from its head."""
    with path.open("rb") as file:
        head = json.loads(file.read(int.from_bytes(file.read(8), "little")))
    total = 0
    for name, tensor in head.items():
        if name == "__metadata__":
            continue
        size = 1
        for length in tensor["shape"]:
            size *= length
        total += size
    return total


def sample_lesson(arm: Arm, prompt: Prompt, round_folder: Path) -> tuple[Lesson, bool]:
    """Return a lesson to look at, and whether it is a real one (else its annotations are stand-ins)."""
    prompts, lessons = round_folder / "prompts.parquet", round_folder / "lessons.parquet"
    if prompts.exists() and lessons.exists():
        found = LessonSet.read(prompts, lessons, arm.target, 1, arm.trusted_only)
        return next((lesson for lesson in found if arm.rendering.left_out(lesson) is None), found[0]), True
    source = Provenance("nobody", "none", "none", "")
    answer = prompt.reference or prompt.question  # a small tokenizer may know no other characters
    critique = Annotation(prompt.id, "critique", 0, prompt.question, source)
    rationale = Annotation(prompt.id, "rationale", 0, prompt.question, source, answer=answer)
    stand_ins = [rationale, replace(critique, answer="correct", subject=answer)]
    return Lesson(prompt.id, prompt, tuple(stand_ins)), False


def check_sample(name: str, arm: Arm, student: Student, prompt: Prompt, round_folder: Path) -> Iterator[Finding]:
    """Show one training sequence of an arm: what is learnt in green, what is only read in grey."""
    lesson, real = sample_lesson(arm, prompt, round_folder)
    if (reason := arm.rendering.left_out(lesson)) is not None:
        when = "every lesson is left out" if real else "none before the teacher has written"
        yield Finding("warn" if real else "ok", f"sample of {name}", f"{when}: {reason}")
        return
    for example in arm.rendering.render(lesson, student.encoder):
        picture = Text()
        learnt = 0
        for span in preview(example, student.tokenizer):
            picture.append(span.text, style="bold green" if span.weight else "bright_black")
            learnt += span.tokens if span.weight else 0
        kind = "" if real else " (the question stands in for what the teacher will write)"
        text = f"{len(example.input_ids)} tokens, {learnt} of them learnt (green), part {example.part!r}{kind}"
        ends = example.weights[-1] > 0
        yield Finding("ok" if ends else "warn", f"sample of {name}", text, picture)
