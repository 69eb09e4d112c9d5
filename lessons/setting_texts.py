"""Texts in settings that YAML would take for comments: all commands read them alike."""

from __future__ import annotations

from functools import cache

__all__ = ["keep_comments_as_texts"]


@cache
def keep_comments_as_texts() -> None:
    """Let settings be texts that begin with "#".

    jsonargparse (4.53) reads the texts of a config again as YAML, in which they are comments: "####" became null.
    """
    import yaml
    from jsonargparse import get_loader, set_loader

    load_yaml = get_loader("yaml")

    def load(text: str) -> object:
        """Read one setting, or a whole config."""
        return text if text.startswith("#") and "\n" not in text else load_yaml(text)

    set_loader("yaml", load, exceptions=(yaml.YAMLError,))
