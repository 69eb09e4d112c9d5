from __future__ import annotations

from pathlib import Path

import pytest

from lessons.errors import ConfigError
from teachers.annotators.catalogue import Catalogue


def write(folder: Path, text: str) -> str:
    path = folder / "mine.txt"
    path.write_text(text, encoding="utf-8")
    return str(path)


@pytest.mark.parametrize(("name", "count"), [("instructions", 16), ("strategies", 7)])
def test_the_shipped_catalogues_are_read(name: str, count: int) -> None:
    catalogue = Catalogue(None, name)
    assert len(catalogue.entries) == len(set(catalogue.entries.values())) == count
    assert catalogue.label.startswith(f"{name}/1@")


def test_a_catalogue_of_the_user_is_read_in_its_order(tmp_path: Path) -> None:
    catalogue = Catalogue(write(tmp_path, "name: mine/3\n[b]\nBe brief.\n\n[a]\nBe\nkind.\n"), "instructions")
    assert list(catalogue.entries.items()) == [("b", "Be brief."), ("a", "Be\nkind.")]
    assert catalogue.label.startswith("mine/3@")


@pytest.mark.parametrize(
    "text", ["[a]\nx", "name: mine/1\nx", "name: mine/1\n[a]\n", "name: mine/1\n[a]\nx\n[a]\ny", "name: m/1\nx\n[a]\nx"]
)
def test_a_broken_catalogue_is_explained(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigError, match=r'wrong shape.*must have the first line "name: word/version".*See'):
        _ = Catalogue(write(tmp_path, text), "instructions").entries


def test_a_missing_catalogue_is_explained() -> None:
    with pytest.raises(ConfigError, match=r"Cannot read the catalogue no/such.txt.*copy of .*instructions.txt"):
        _ = Catalogue("no/such.txt", "instructions").entries
