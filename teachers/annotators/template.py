"""Prompt templates: text files that a user can copy and edit; their name, version and hash go into every annotation."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from functools import cached_property
from importlib.resources import files
from pathlib import Path
from typing import Any

import jinja2

from lessons.errors import ConfigError
from lessons.records import Message, Prompt, Role
from teachers.annotators.template_section import TemplateSection

__all__ = ["Template", "source_text", "transcript", "versioned"]

HEADER = re.compile(r"\Aname:[ \t]*(?P<name>[\w.-]+/\d+)[ \t]*\r?\n(?P<rest>.*)\Z", re.DOTALL)
SECTION = re.compile(r"^\[(system|user)\][ \t]*\r?\n", re.MULTILINE)


class Template:
    """A prompt template: a first line "name: word/version", then sections "[system]" (may be left out) and "[user]".

    Sections are Jinja2. They may use `question`, `conversation` (all turns as text), `system`, `choices`, `topic`,
    `reference` (only where an annotator shows it) and what the annotator adds (`attempt`).

    Args:
        path: A text file; None for the one that ships under `builtin`.
        builtin: Name of a shipped template.
    """

    def __init__(self, path: str | Path | None, builtin: str) -> None:
        self.path = path
        self.builtin = builtin

    @cached_property
    def source(self) -> str:
        """The text of the template."""
        return source_text(self.path, self.builtin, "template")

    @cached_property
    def parts(self) -> tuple[str, dict[str, TemplateSection]]:
        """The name and the compiled sections."""
        header = HEADER.match(self.source)
        pieces = SECTION.split(header["rest"]) if header else []
        names, bodies = pieces[1::2], pieces[2::2]
        if header is None or "user" not in names or len(set(names)) != len(names) or pieces[0].strip():
            raise ConfigError(
                f"The template {self.path or self.builtin} has a wrong shape: it starts with {self.source[:40]!r}. "
                'It must have the first line "name: word/version", then an optional section "[system]" and one '
                'section "[user]", each mark on its own line. See teachers/annotators/templates/ for examples.'
            )
        try:
            sections = {n: TemplateSection(b.strip()) for n, b in zip(names, bodies, strict=True)}
        except jinja2.TemplateError as error:
            raise ConfigError(
                f"The template {self.path or self.builtin} is not valid Jinja2: {error}. Correct the text."
            ) from error
        return header["name"], sections

    @cached_property
    def label(self) -> str:
        """Name, version and the first 8 hex digits of the text's SHA-256, for example "rationale/1@0f3a91bc"."""
        return versioned(self.parts[0], self.source)

    @cached_property
    def reads(self) -> list[tuple[str, Callable[[Prompt], Any]]]:
        """What its sections show of every prompt: names, and how each is read. The rest is not worth the time."""
        named = frozenset[str]().union(*(section.names for section in self.parts[1].values()))
        return [(name, read) for name, read in OF_PROMPT.items() if name in named]

    def must_use(self, variable: str, setting: str) -> None:
        """Refuse a template that leaves out what a setting wants shown.

        Raises:
            ConfigError: No section names the variable.
        """
        if re.search(rf"\{{[{{%][^}}]*\b{re.escape(variable)}\b", self.source) is None:
            raise ConfigError(
                f"{setting} is set, but the template {self.path or self.builtin} never uses {variable!r}: what the "
                f"teacher reads would be the same. Write {{{{ {variable} }}}} into a copy, or leave {setting} out."
            )

    def messages(self, prompt: Prompt, reference: bool = False, **more: Any) -> tuple[Message, ...]:
        """Fill the template in for a prompt.

        Earlier turns of the prompt stay turns; its system message too, unless the template has a section of its own.

        Args:
            prompt: The prompt.
            reference: Whether to show the reference answer.
            more: Further variables.
        """
        values = {name: read(prompt) for name, read in self.reads}
        values["reference"] = prompt.reference if reference else None
        values.update(more)
        texts: dict[Role, str] = {}
        for role, section in self.parts[1].items():
            try:
                texts["system" if role == "system" else "user"] = section.render(values)
            except jinja2.TemplateError as error:
                raise ConfigError(
                    f"The template {self.path or self.builtin} failed for the prompt {prompt.id!r}: {error}. "
                    f"It may use {', '.join(sorted({*OF_PROMPT, 'reference', *more}))}. Correct the text."
                ) from error
        first = texts["system"] if "system" in texts else system_of(prompt)
        start = [Message("system", first)] if first else []
        earlier = [message for message in prompt.messages[:-1] if message.role != "system"]
        return (*start, *earlier, Message("user", texts["user"]))


def source_text(path: str | Path | None, builtin: str, noun: str) -> str:
    """Read a file of the user's, or the shipped one where the path is None.

    Raises:
        ConfigError: There is no such file, or it is not text.
    """
    if path is None:
        return (files("teachers.annotators") / "templates" / f"{builtin}.txt").read_text("utf-8")
    try:
        return Path(path).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"Cannot read the {noun} {path}: {error}. It must be a UTF-8 text file, such as a copy of "
            f"teachers/annotators/templates/{builtin}.txt. Correct the path."
        ) from error


def versioned(name: str, source: str) -> str:
    """Return a name and version with the first 8 hex digits of the text's SHA-256."""
    return f"{name}@{hashlib.sha256(source.encode()).hexdigest()[:8]}"


def transcript(prompt: Prompt) -> str:
    """Write all turns of a prompt as text; just the question when there is only one."""
    turns = [m for m in prompt.messages if m.role != "system"]
    if len(turns) == 1:
        return turns[0].content
    return "\n\n".join(f"{m.role.capitalize()}: {m.content}" for m in turns)


def system_of(prompt: Prompt) -> str | None:
    """Return the system message of a prompt, if it has one."""
    for message in prompt.messages:
        if message.role == "system":
            return message.content
    return None


OF_PROMPT: dict[str, Callable[[Prompt], Any]] = {
    "question": lambda prompt: prompt.question,
    "conversation": transcript,
    "system": system_of,
    "choices": lambda prompt: list(prompt.choices),
    "topic": lambda prompt: prompt.topic,
}
