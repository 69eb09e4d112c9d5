"""What the pages say is true: settings parse, commands and files exist, links lead somewhere, messages are real."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml

from tutelage.command_line import make_parser
from tutelage.main import COMMANDS

ROOT = Path(__file__).resolve().parent.parent
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
PACKAGES = ("lessons", "teachers", "curricula", "students", "lightning_modules", "tutelage")
KINDS = ("course", "distill", "plan", "logits", "evaluate", "train")
# A block "# course, in part" is laid over this, as a user lays it over a recipe.
WHOLE = yaml.safe_load((ROOT / "recipes" / "quickstart.yaml").read_text(encoding="utf-8"))


def text(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def blocks(language: str) -> list[Any]:
    """Return the fenced blocks of a language, each with its page and line as its name."""
    found = []
    for page in PAGES:
        for block in re.finditer(rf"^```{language}\n(.*?)^```", text(page), re.DOTALL | re.MULTILINE):
            line = text(page)[: block.start()].count("\n") + 1
            found.append(pytest.param(block[1], id=f"{page.name}:{line}"))
    return found


def command_lines() -> list[Any]:
    """Return every command line of this project in the pages: in blocks of shell, and in code within text."""
    found = []
    for page in PAGES:
        fenced = re.findall(r"^```sh\n(.*?)^```", text(page), re.DOTALL | re.MULTILINE)
        plain = re.sub(r"^```.*?^```", "", text(page), flags=re.DOTALL | re.MULTILINE)
        lines = [line for block in fenced for line in block.replace("\\\n", " ").splitlines()]
        lines += [" ".join(code.split()) for code in re.findall(r"`([^`]+)`", plain)]
        found += [pytest.param(line, id=f"{page.name}: {line}") for line in lines if line.startswith("tutelage ")]
    return found


@pytest.mark.parametrize("block", blocks("yaml"))
def test_settings_parse(block: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """By the real parsers; a course must agree with itself. Nothing is read, asked or trained."""
    monkeypatch.chdir(tmp_path)
    kind, _, part = block.splitlines()[0].removeprefix("# ").partition(", ")
    assert kind in KINDS, "the first line says which command the settings are for"
    settings = yaml.safe_load(block)
    if part:
        assert (kind, part) == ("course", "in part")
        settings = {**WHOLE, **settings}
    path = tmp_path / "settings.yaml"
    path.write_text(yaml.safe_dump(settings, sort_keys=False), encoding="utf-8")
    if kind == "train":
        parse_training(path)
        return
    parser = make_parser(function_of(kind), f"tutelage {kind}")
    built = vars(parser.instantiate(parser.parse_args(["--config", str(path)])))
    built.pop("config")
    if kind == "course":
        from tutelage.course import Course

        Course(**built).check()
    assert list(tmp_path.iterdir()) == [path]


def function_of(name: str) -> Any:
    import importlib

    return getattr(importlib.import_module(f"tutelage.commands.{name}"), name)


def parse_training(path: Path) -> None:
    """Parse as the training command does, and stop there."""
    from lightning_modules.cli import TutelageCLI

    class Parsed(Exception):
        pass

    class Reader(TutelageCLI):
        def before_instantiate_classes(self) -> None:
            raise Parsed

    with pytest.raises(Parsed):
        Reader(["fit", "--config", str(path)])


@pytest.mark.parametrize("line", command_lines())
def test_commands_and_their_flags_exist(line: str):
    words = shlex.split(line, comments=True)
    if words[1].startswith("<") or words[1].startswith("-"):
        return  # "tutelage <command> --help"
    assert words[1] in COMMANDS
    if words[1] == "train":
        assert words[2:3] in ([], ["fit"])
        known = {"--config", "--ckpt_path", "--trainer"}
    else:
        parser = make_parser(function_of(words[1]), f"tutelage {words[1]}")
        known = {flag for action in parser._actions for flag in action.option_strings} | {"--print_config", "--help"}
    flags = {word.split("=")[0].split(".")[0] for word in words if word.startswith("--")}
    assert flags <= known


def test_the_overrides_on_the_readme_s_command_lines_parse(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(ROOT)
    parsed = 0
    for parameter in command_lines():
        words = shlex.split(str(parameter.values[0]), comments=True)
        config = next((word for word in words if word.startswith("recipes/")), None)
        if config and words[1] in ("course", "doctor"):
            make_parser(function_of(words[1]), "tutelage").parse_args([w for w in words[2:] if w != "--print_config"])
            parsed += 1
    assert parsed >= 4


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_files_and_links_exist(page: Path):
    for name in re.findall(r"\b((?:recipes|scripts|docs|benchmarks|tests)/[\w/.-]+\.(?:yaml|py|md))\b", text(page)):
        assert (ROOT / name).is_file(), name
    for target in re.findall(r"\]\(([^)#\s]*)(?:#[^)]*)?\)", text(page)):
        if target and not target.startswith("http"):
            assert (page.parent / target).exists(), target


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_into_a_page_meet_a_heading(page: Path):
    for target, anchor in re.findall(r"\]\(([^)#\s]*)#([^)]+)\)", text(page)):
        if not target.startswith("http"):
            assert anchor in anchors(page.parent / target if target else page), anchor


def anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", text(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_classes_named_in_the_pages_exist():
    import importlib

    for page in PAGES:
        for package, name in re.findall(rf"`({'|'.join(PACKAGES)})\.([A-Z]\w+)`", text(page)):
            assert hasattr(importlib.import_module(package), name), f"{page.name}: {package}.{name}"


def test_every_annotator_and_every_backend_stands_in_its_table():
    import teachers

    public = [getattr(teachers, name) for name in teachers.__all__]
    classes = [found for found in public if isinstance(found, type)]
    annotators = [found for found in classes if issubclass(found, teachers.Annotator)]
    rows = {line.split("`")[1]: line for line in table_rows(ROOT / "docs" / "annotators.md")}
    wanted = {f"teachers.{found.__name__}" for found in annotators} - {"teachers.Annotator", "teachers.By"}
    assert set(rows) == wanted
    for name in sorted(wanted):
        kind = getattr(teachers, name.partition(".")[2]).kind
        assert f" | `{kind}` | " in rows[name], f"{name} writes annotations of the kind {kind!r}"
    base = teachers.TeacherBackend
    backends = [found for found in classes if issubclass(found, base) and found is not base]
    rows = {line.split("`")[1]: line for line in table_rows(ROOT / "docs" / "teachers.md")}
    assert set(rows) == {f"teachers.{found.__name__}" for found in backends}
    for found in backends:
        ending = "| yes |" if found.batch_api is not base.batch_api else "| no |"
        assert rows[f"teachers.{found.__name__}"].endswith(ending), f"{found.__name__}: batches"


def table_rows(page: Path) -> list[str]:
    """Return the rows that are about a class of the teachers."""
    return [line for line in text(page).splitlines() if line.startswith("| `teachers.")]


def messages() -> str:
    """Return all source text, with the strings that are broken over lines put together."""
    source = "\n".join(text(file) for package in PACKAGES for file in sorted((ROOT / package).rglob("*.py")))
    return re.sub(r"[\"']\s*\n\s*f?[\"']", "", source)


def test_messages_that_troubleshooting_explains_are_in_the_code():
    source, page = messages(), text(ROOT / "docs" / "troubleshooting.md")
    quoted = [message for bold in re.findall(r"\*\*(.+?)\*\*", page) for message in re.findall(r'"([^"]+)"', bold)]
    assert len(quoted) >= 20
    for message in quoted:
        for piece in message.replace("No space left on device", "...").split("..."):
            assert piece.strip() in source, f"{message!r}: {piece!r}"


def test_the_readme_starts_with_its_two_commands_and_stays_short():
    lines = text(ROOT / "README.md").splitlines()
    first = lines[:10]
    assert any(line.startswith("python3 scripts/quickstart.py") for line in first)
    assert any(line.startswith("python3 scripts/test.py") for line in first)
    assert len(lines) < 150
