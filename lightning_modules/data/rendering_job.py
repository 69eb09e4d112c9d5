"""Lessons to training sequences, once: in memory, or in a folder that later runs and other processes share."""

from __future__ import annotations

import hashlib
import inspect
import json
import logging
from collections.abc import Iterator, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from lessons.errors import ConfigError
from lessons.folders import staged_folder
from lessons.gguf import file_digest
from lessons.lesson_set import LessonSet
from lessons.records import Lesson
from lightning_modules.data.rendered import RenderedLessons
from lightning_modules.data.rendered_writer import RenderedWriter
from students.encoder import Encoder
from students.renderings.all_lessons import check_rest, render_blocks
from students.renderings.base import Rendering

__all__ = ["RenderingJob", "RenderingResult"]

log = logging.getLogger(__name__)

LESSONS_AT_ONCE = 4096

FORMAT = 1
"""Raised when the same lessons, settings and code would give other files."""


class RenderingResult(NamedTuple):
    """Rendered lessons, and an account of those that were too long."""

    lessons: RenderedLessons
    """The training sequences."""
    kept: npt.NDArray[np.bool_]
    """Which of the lessons that were asked for are there, [asked]."""
    dropped: int
    """How many were too long."""
    longest: int
    """Tokens of the longest of these; 0 without any."""


@dataclass(frozen=True)
class RenderingJob:
    """What is to be rendered, and how."""

    rendering: Rendering
    """How a lesson becomes training sequences."""
    lessons: LessonSet
    """The lessons."""
    positions: npt.NDArray[np.int64]
    """Which of them, in this order."""
    encoder: Encoder
    """The student's tokenizer and template."""
    max_tokens: int | None = None
    """Longest sequence allowed; None for no limit."""
    over_long: Literal["drop", "refuse"] = "drop"
    """What happens to a lesson with a longer one."""

    def done(self, folder: str | None, files: Mapping[str, str | None]) -> RenderingResult:
        """Return the lessons rendered, in memory or in a folder, and log how many were too long.

        Args:
            folder: Holds what is shared between runs and processes; None renders into the memory of this one.
            files: What the lessons were read from.
        """
        paths = {name: None if file is None else Path(file) for name, file in files.items()}
        done = self.run() if folder is None else self.shared(Path(folder), paths)
        if done.dropped:
            log.warning(
                "%d of %d lessons are longer than %s tokens and are left out (the longest has %d); "
                "raise data.max_tokens to train on them",
                done.dropped, len(self.positions), self.max_tokens, done.longest,
            )  # fmt: skip
        return done

    def run(self, folder: Path | None = None) -> RenderingResult:
        """Render, with the arrays of all tokens in memory or in files of a folder.

        Raises:
            RenderingError: A lesson cannot be rendered, is too long under "refuse", or nothing is left.
        """
        dropped: dict[str, int] = {}
        left_out: dict[str, str] = {}
        parts, views = tuple(self.rendering.parts), self.rendering.view_count
        blocks = render_blocks(self.rendering, self.wanted(), self.encoder, self.max_tokens, self.over_long)
        with closing(RenderedWriter(parts, views, folder)) as writer:
            for block in blocks:
                writer.add(block.examples)
                dropped |= block.dropped
                left_out |= block.left_out
            check_rest(len(writer.ids), dropped, left_out, self.max_tokens)
            lessons = RenderedLessons.written_by(writer)
        missing = dropped.keys() | left_out.keys()
        kept = np.array([name not in missing for name in self.lessons.ids[self.positions]], bool)
        return RenderingResult(lessons, kept, len(dropped), max(dropped.values(), default=0))

    def wanted(self) -> Iterator[Lesson]:
        """Yield the lessons, few of them in memory at a time."""
        for start in range(0, len(self.positions), LESSONS_AT_ONCE):
            yield from self.lessons.at(self.positions[start : start + LESSONS_AT_ONCE])

    def shared(self, folder: Path, files: Mapping[str, Path | None]) -> RenderingResult:
        """Return what lies rendered in a folder, or render into it; processes that start together render once.

        Args:
            folder: Holds a folder for every stamp: what was rendered otherwise is neither used nor overwritten.
            files: What the lessons were read from; their content is part of the stamp.
        """
        from filelock import FileLock

        place = folder / self.stamp(files)[:32]
        if not place.is_dir():
            folder.mkdir(parents=True, exist_ok=True)
            with FileLock(folder / f"{place.name}.lock"):
                if not place.is_dir():
                    log.info("Rendering %d lessons into %s, once", len(self.positions), place)
                    with staged_folder(place) as partial:
                        self.write(partial)
        return self.read(place)

    def write(self, folder: Path) -> None:
        """Render into an empty folder."""
        done = self.run(folder)
        for name in ("starts", "parts", "first_sequence", "rewards"):
            if (array := getattr(done.lessons, name)) is not None:
                np.save(folder / f"{name}.npy", array)
        np.save(folder / "kept.npy", done.kept)
        account = {"views": done.lessons.views, "dropped": done.dropped, "longest": done.longest}
        (folder / "rendered.json").write_text(json.dumps({**account, "settings": self.settings}, indent=1, default=str))

    def read(self, folder: Path) -> RenderingResult:
        """Open a folder; all tokens and their weights are memory-mapped."""
        account = json.loads((folder / "rendered.json").read_text())
        kept = np.load(folder / "kept.npy")
        large = {name: np.load(folder / f"{name}.npy", mmap_mode="r") for name in ("tokens", "weights")}
        small = {name: np.load(folder / f"{name}.npy") for name in ("starts", "parts", "first_sequence")}
        rewards = folder / "rewards.npy"
        lessons = RenderedLessons(
            ids=tuple(self.lessons.ids[self.positions[kept]]) * account["views"],
            part_names=tuple(self.rendering.parts),
            views=account["views"],
            rewards=np.load(rewards) if rewards.exists() else None,
            **large,
            **small,
        )
        return RenderingResult(lessons, kept, account["dropped"], account["longest"])

    def stamp(self, files: Mapping[str, Path | None]) -> str:
        """Return a SHA-256 over all that decides what is rendered."""
        digest = hashlib.sha256(json.dumps([FORMAT, self.settings], sort_keys=True, default=str).encode())
        for name, file in sorted(files.items()):
            digest.update(f"{name}:{file_digest(file) if file is not None else ''}".encode())
        digest.update("\x1e".join(self.lessons.ids[self.positions]).encode())
        for name, rows in sorted({"": self.lessons.prompt_rows, **self.lessons.annotation_rows}.items()):
            digest.update(name.encode())
            digest.update(rows[self.positions].data)
        return digest.hexdigest()

    @property
    def settings(self) -> dict[str, Any]:
        """The settings in words, with digests where they are long."""
        return {
            "rendering": described(self.rendering),
            "encoder": self.encoder.fingerprint,
            "encoder_code": code_digest(type(self.encoder)),
            "tokenizer": tokenizer_digest(self.encoder),
            "max_tokens": self.max_tokens,
            "over_long": self.over_long,
        }


def described(value: Any) -> Any:
    """Return a rendering as its class, the digest of its code, and its constructor's arguments."""
    if isinstance(value, list | tuple):
        return [described(item) for item in value]
    if isinstance(value, Mapping):
        return {str(name): described(item) for name, item in value.items()}
    if type(value).__module__ == "builtins":
        return value
    names = sorted(inspect.signature(type(value).__init__).parameters.keys() - {"self", "args", "kwargs"})
    if hidden := [name for name in names if not hasattr(value, name)]:
        raise ConfigError(
            f"{type(value).__name__} does not keep its constructor's argument {hidden[0]!r} as an attribute of that "
            "name, so nobody could tell what it rendered from what it would render otherwise. Needed is self."
            f"{hidden[0]} = {hidden[0]}. Store it, or leave out data.rendered."
        )
    settings = {name: described(getattr(value, name)) for name in names}
    return {"class": type(value).__qualname__, "code": code_digest(type(value)), **settings}


def code_digest(kind: type) -> str:
    """Return the SHA-256 of the source files of a class and of its bases: a changed plugin renders anew."""
    digest = hashlib.sha256()
    for base in kind.__mro__[:-1]:
        digest.update(base.__qualname__.encode())
        with suppress(TypeError, OSError):  # built in, or typed into an interpreter
            digest.update(Path(inspect.getsourcefile(base) or "").read_bytes())
    return digest.hexdigest()


def tokenizer_digest(encoder: Encoder) -> str:
    """Return the SHA-256 of how the tokenizer cuts text, which its vocabulary does not tell."""
    backend = getattr(encoder.tokenizer, "backend_tokenizer", None)
    text = backend.to_str() if backend is not None else type(encoder.tokenizer).__qualname__
    return hashlib.sha256(text.encode()).hexdigest()
