"""Tokens a second and model-FLOPs utilisation of `tutelage train` on one GPU, beside a bare loop on the same batches.

Students of the sizes of Qwen2.5-0.5B and Qwen2.5-1.5B (random weights, a vocabulary of 151,936) learn worked solutions,
by LoRA of rank 16 and with all weights. Three contenders (see contenders.py), one after the other, so that each has the
device's memory to itself; the first two updates of each are warm-up:

- packed     tutelage train as it is
- padded     the same with student.packing: false
- identical  a bare loop on the very batches of "padded"; its AdamW is fused, its logits are made all at once

Precision is what docs/training.md has for GPUs, for all three: trainer.precision bf16-mixed, which is torch.autocast to
bfloat16 (so in the bare loop), over weights as student.precision auto holds them: bfloat16 if frozen below LoRA,
otherwise float32, adapters too. On a CPU the trainer computes in the weights' own format. Nothing is compiled, and
activations are kept, not recomputed. The clock is read when the device has done its work.

Useful tokens are those of the lessons, without padding. Utilisation is the operations that the model needs
(model_flops.py says how they are counted; padding and what is computed twice count nothing) a second, over the device's
dense peak in bfloat16, which is looked up by its name or given. Peak memory is what torch had allocated.

    python benchmarks/accelerator_speed.py [--sizes 0.5B 1.5B] [--ways lora full] [--lessons 64] [--sums 8]
        [--micro_batches 4] [--updates 12] [--peak_tflops 989]

An update has some 26,000 tokens, a micro-batch a quarter of them. Where memory is short (under 80 GB, by our estimate),
raise --micro_batches. The weights take up to 3 GB below --folder. Without a GPU: --sizes tiny --accelerator cpu
"""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from machine import describe_machine
from model_flops import Shape, update_flops

SIZES = {
    "tiny": Shape(64, 2, 4, 2, 128, 512),
    "0.5B": Shape(896, 24, 14, 2, 4864, 151_936),
    "1.5B": Shape(1536, 28, 12, 2, 8960, 151_936),
}
WAYS = {"lora": "LoRA", "full": "all weights"}
CONTENDERS = ("packed", "padded", "identical")

PEAKS = (
    ("B200", 2250),
    ("H200 NVL", 835),
    ("H100 NVL", 835),
    ("H100 PCIe", 756),
    ("GH200", 989),
    ("H200", 989),
    ("H100", 989),
    ("A100", 312),
    ("L40S", 362),
    ("A10", 125),
    ("L4", 121),
)
"""Dense bfloat16 TFLOP/s by the words in a device's name, of which the first counts, as NVIDIA's data sheets have them:
half of what they say "with sparsity"."""


class Speed(NamedTuple):
    """What a contender did, without its warm-up."""

    tokens_a_second: float
    """Useful tokens."""
    flops_a_second: float
    """Operations that the model needs."""
    padding: float
    """Places of its padded batches per useful token."""
    peak_bytes: int
    """Most memory held."""


def peak_of(device: str) -> float | None:
    """Return the dense bfloat16 TFLOP/s of a device, None if its name says nothing.

    >>> peak_of("NVIDIA H100 80GB HBM3"), peak_of("NVIDIA H100 PCIe"), peak_of("NVIDIA RTX A1000")
    (989, 756, None)
    """
    return next((peak for name, peak in PEAKS if re.search(rf"\b{name}\b", device)), None)


def device_name(accelerator: str) -> str:
    """Return the name of the device to measure, or end where there is none."""
    import torch

    if accelerator == "cpu":
        return "CPU"
    if not torch.cuda.is_available():
        raise SystemExit(
            f"accelerator_speed.py measures a CUDA device, but torch {torch.__version__} finds none here. Run it on a "
            "machine with an NVIDIA GPU and a CUDA build of torch, or try it out with: --sizes tiny --accelerator cpu"
        )
    return str(torch.cuda.get_device_name())


def configuration(shape: Shape, **settings: Any) -> Any:
    """Return the configuration of a Qwen2 of a shape, with further settings of transformers'."""
    from transformers import Qwen2Config

    return Qwen2Config(
        hidden_size=shape.width,
        num_hidden_layers=shape.layers,
        num_attention_heads=shape.heads,
        num_key_value_heads=shape.key_value_heads,
        intermediate_size=shape.feed_forward,
        vocab_size=shape.vocabulary,
        tie_word_embeddings=True,
        **settings,
    )


def write_student(folder: Path, shape: Shape) -> None:
    """Write a Qwen2 with random weights in bfloat16, and a tokenizer of single characters.

    So few of its tokens ever occur: that may matter to the gradient of the embedding, which all contenders compute.
    """
    import torch
    from transformers import Qwen2ForCausalLM

    from lessons.transformers_models import bars_on_terminals_only
    from students import CharacterTokenizer

    tokenizer = CharacterTokenizer().build()
    config = configuration(
        shape,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    torch.manual_seed(0)
    model: Any = Qwen2ForCausalLM(config)
    with bars_on_terminals_only():
        model.bfloat16().save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def needed_flops(folder: Path, shape: Shape, rank: int | None) -> Iterator[int]:
    """Yield the operations that each update of the run needs."""
    from contenders import read_batches, read_settings

    batches = read_batches(read_settings(folder))
    micro_batches = batches.sampler.micro_batches
    for first in range(0, len(batches), micro_batches):
        update = [batches.numbered(first + k) for k in range(micro_batches)]
        numbers = [number for batch in update for number in batch.plan.sequence_numbers]
        lengths = [len(batches.lessons.sequence(number).tokens) - 1 for number in numbers]
        yield sum(update_flops(shape, lengths, sum(len(batch.positions) for batch in update), rank))


def measure(folder: Path, contender: str, flops: list[int], arguments: argparse.Namespace) -> Speed:
    """Let a contender make its updates in a process of its own, and end it."""
    from contenders import WARM_UP, EndedEarly, start, turn

    with (folder / "said.txt").open("w+") as said:
        process = start(folder, contender, "device", arguments.threads, said)
        try:
            turns = [turn(process) for _ in range(arguments.updates)]
        except EndedEarly:
            said.seek(0)
            sys.stderr.write(said.read())
            raise
        finally:
            process.kill()
            process.wait()
    tokens, seconds, places, _ = (sum(column) for column in zip(*turns[WARM_UP:], strict=True))
    needed = sum(flops[WARM_UP : arguments.updates])
    return Speed(tokens / seconds, needed / seconds, places / tokens, turns[-1].peak_bytes)


def compare(folder: Path, size: str, way: str, peak: float | None, arguments: argparse.Namespace) -> None:
    """Measure all contenders at one size in one way, and print what each did as soon as it has."""
    from contenders import EndedEarly
    from lesson_folder import RANK, write_settings

    weights = {"class_path": "students.Pretrained", "init_args": {"name_or_path": str(folder / size)}}
    trainer = {"accelerator": arguments.accelerator, "devices": 1, "enable_progress_bar": False}
    trainer |= {"accumulate_grad_batches": arguments.micro_batches}
    trainer |= {"precision": "32-true" if arguments.accelerator == "cpu" else "bf16-mixed"}
    write_settings(folder, weights, way == "full", arguments.lessons, trainer)
    flops = list(needed_flops(folder, SIZES[size], None if way == "full" else RANK))
    speeds: dict[str, Speed] = {}
    for contender in CONTENDERS:
        try:
            speeds[contender] = measure(folder, contender, flops, arguments)
        except EndedEarly as error:
            print(f"  {contender:10} {error} Where memory was short, raise --micro_batches.", flush=True)
        else:
            print(f"  {contender:10} {shown(speeds[contender], peak)}", flush=True)
    for name in ("packed", "padded"):
        if name in speeds and "identical" in speeds:
            ratio = speeds[name].tokens_a_second / speeds["identical"].tokens_a_second
            print(f"  {name} / identical: {ratio:.3f}", flush=True)


def shown(speed: Speed, peak: float | None) -> str:
    """Return one line of the table; utilisation only where the device's peak is known."""
    tera = speed.flops_a_second / 1e12
    columns = [f"{speed.tokens_a_second:10,.0f} useful tokens/s", f"{tera:8.3f} model TFLOP/s"]
    columns += [f"utilisation {tera / peak:6.1%}"] if peak else []
    columns += [f"padded {speed.padding:.3f} places per useful token", f"peak memory {speed.peak_bytes / 1e9:6.2f} GB"]
    return "   ".join(columns)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", nargs="+", choices=list(SIZES), default=["0.5B", "1.5B"])
    parser.add_argument("--ways", nargs="+", choices=list(WAYS), default=list(WAYS))
    parser.add_argument("--accelerator", choices=["cuda", "cpu"], default="cuda")
    parser.add_argument("--lessons", type=int, help="lessons of an update: 64 if not given, on a CPU 8")
    parser.add_argument("--sums", type=int, default=8, help="worked solutions in a lesson on average")
    parser.add_argument("--micro_batches", type=int, default=4, help="parts that an update is worked through in")
    parser.add_argument("--updates", type=int, default=12, help="updates of each contender, two of them warm-up")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads of a contender")
    parser.add_argument(
        "--peak_tflops", type=float, help="the device's dense peak in bfloat16, if it is not known here"
    )
    parser.add_argument("--folder", help="where weights and runs lie meanwhile; the system's own if not given")
    arguments = parser.parse_args()
    if arguments.updates < 3:
        parser.error(f"--updates {arguments.updates}: the first two are warm-up, so that 3 is the least")
    arguments.lessons = arguments.lessons or (8 if arguments.accelerator == "cpu" else 64)
    device = device_name(arguments.accelerator)
    peak = arguments.peak_tflops or peak_of(device)
    known = f"dense peak in bfloat16 {peak:g} TFLOP/s" if peak else "its peak is unknown: give it as --peak_tflops"
    print(describe_machine(), f"{device}: {known}", sep="\n", flush=True)
    run(peak, arguments)


def run(peak: float | None, arguments: argparse.Namespace) -> None:
    """Measure size after size."""
    from lesson_folder import write_arithmetic

    with tempfile.TemporaryDirectory(dir=arguments.folder) as name:
        folder = Path(name)
        write_arithmetic(folder, arguments.lessons * (arguments.updates + 1), arguments.sums)
        for size in arguments.sizes:
            write_student(folder / size, SIZES[size])
            for way in arguments.ways:
                print(f"{size}, {WAYS[way]}", flush=True)
                compare(folder, size, way, peak, arguments)


if __name__ == "__main__":
    main()
