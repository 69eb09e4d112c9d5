"""Catalogues: named instructions in a text file that a user can copy and edit."""

from __future__ import annotations

import re
from functools import cached_property
from pathlib import Path

from lessons.errors import ConfigError
from teachers.annotators.template import source_text, versioned

__all__ = ["Catalogue"]

HEADER = re.compile(r"\Aname:[ \t]*(?P<name>[\w.-]+/\d+)[ \t]*\r?\n(?P<rest>.*)\Z", re.DOTALL)
ENTRY = re.compile(r"^\[(\w+)\][ \t]*\r?\n", re.MULTILINE)


class Catalogue:
    """Named texts: a first line "name: word/version", then entries, each after a line "[its_name]".

    Args:
        path: A text file; None for the one that ships under `builtin`.
        builtin: Name of a shipped catalogue.
    """

    def __init__(self, path: str | Path | None, builtin: str) -> None:
        self.path = path
        self.builtin = builtin

    @cached_property
    def source(self) -> str:
        """The text of the file."""
        return source_text(self.path, self.builtin, "catalogue")

    @cached_property
    def parts(self) -> tuple[str, dict[str, str]]:
        """The catalogue's name, and its entries by their names."""
        header = HEADER.match(self.source)
        pieces = ENTRY.split(header["rest"]) if header else [""]
        names, texts = pieces[1::2], [text.strip() for text in pieces[2::2]]
        if header is None or not names or len(set(names)) != len(names) or pieces[0].strip() or not all(texts):
            raise ConfigError(
                f"The catalogue {self.path or self.builtin} has a wrong shape: it starts with {self.source[:40]!r} and "
                f'has the entries {names}. It must have the first line "name: word/version", then entries of different '
                'names, each a line "[its_name]" and a text below it. See '
                f"teachers/annotators/templates/{self.builtin}.txt."
            )
        return header["name"], dict(zip(names, texts, strict=True))

    @property
    def entries(self) -> dict[str, str]:
        """The texts by their names, in the order of the file."""
        return self.parts[1]

    @cached_property
    def label(self) -> str:
        """Name, version and the first 8 hex digits of the text's SHA-256."""
        return versioned(self.parts[0], self.source)
