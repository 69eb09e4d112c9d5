from __future__ import annotations

from pathlib import Path

import pytest

from curricula import Given
from lessons.errors import DataError
from lessons.records import Message, Prompt
from lessons.tables import write_prompts
from tutelage import opening
from tutelage.commands.plan import plan
from tutelage.commands.show import show
from tutelage.opening import open_view, view_of


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Everything that a browser was asked to open."""
    addresses: list[str] = []
    monkeypatch.setattr(opening.webbrowser, "open", lambda address: addresses.append(address) or True)
    return addresses


@pytest.fixture
def planned(tmp_path: Path) -> Path:
    rows = [Prompt(f"p{k}", (Message("user", f"{k}?"),), reference="1", difficulty=float(k)) for k in range(4)]
    write_prompts(tmp_path / "prompts.parquet", rows)
    plan(str(tmp_path / "plan"), str(tmp_path / "prompts.parquet"), signals=[Given()])
    return tmp_path / "plan"


@pytest.mark.parametrize("name", ["", "curriculum.json", "signals.parquet"])
def test_a_curriculum_is_summed_up_and_its_picture_opened_where_there_is_a_screen(
    planned: Path, opened: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    picture = (planned / "curriculum.png").resolve().as_uri()
    monkeypatch.setattr(opening, "has_screen", lambda: False)
    show(str(planned / name))
    assert not opened
    assert "curriculum.png" in capsys.readouterr().out.replace("\n", "")
    monkeypatch.setattr(opening, "has_screen", lambda: True)
    show(str(planned / name))
    assert opened == [picture]
    show(str(planned / name), browser=False)
    show(str(planned / name), lesson="p1")
    assert opened == [picture]
    show(str(planned / name), browser=True)
    assert opened == [picture, picture]


def test_a_report_is_opened_before_a_picture_and_nothing_is_an_error(planned: Path, opened: list[str]) -> None:
    (planned / "report.html").write_text("<p>")
    assert view_of(planned) == view_of(planned / "report.html") == planned / "report.html"
    assert view_of(planned / "curriculum.png") == planned / "curriculum.png"
    with pytest.raises(DataError, match=r"No page at .*report\.html, and no picture of a plan.*plan's folder"):
        open_view(planned.parent)


def test_without_a_terminal_there_is_no_screen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISPLAY", ":0")
    monkeypatch.setattr(opening.sys.stdout, "isatty", lambda: False, raising=False)
    assert not opening.has_screen()
    monkeypatch.setattr(opening.sys.stdout, "isatty", lambda: True, raising=False)
    assert opening.has_screen()
