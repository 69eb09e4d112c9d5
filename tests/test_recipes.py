"""Every recipe parses against the real signatures. Nothing is loaded, asked or trained."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from tests.in_this_process import read_course
from tutelage.command_line import make_parser
from tutelage.commands.course import course
from tutelage.commands.distill import distill
from tutelage.commands.evaluate import evaluate
from tutelage.commands.plan import plan
from tutelage.course import Course

FOLDER = Path(__file__).parents[1] / "recipes"
OVERLAY = FOLDER / "for-real.yaml"
RECIPES = sorted(path for path in FOLDER.glob("**/*.yaml") if path != OVERLAY)


def command_of(settings: dict[str, object]):
    """Tell by its settings which command a recipe is for."""
    if "arms" in settings:
        return course
    if "annotators" in settings:
        return distill
    return plan if "ordering" in settings else evaluate


def test_there_are_recipes():
    assert [path for path in RECIPES if path.stem == "quickstart"]


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_every_recipe_parses_and_agrees_with_itself(path, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)  # a recipe's paths are not looked at while it is parsed
    settings = yaml.safe_load(path.read_text())
    function = command_of(settings)
    parser = make_parser(function, f"tutelage {function.__name__}")
    given = parser.parse_args(["--config", str(path)])
    built = vars(parser.instantiate(given))
    built.pop("config")
    if function is course:
        Course(**built).check()
    assert not list(tmp_path.iterdir())


def test_a_text_that_yaml_takes_for_a_comment_stays_a_text(tmp_path):
    parser = make_parser(course, "tutelage course")
    path = FOLDER / "fine-tune-cot.yaml"
    for words in ([], ["--prompts.columns.reference_after=####"]):
        columns = parser.instantiate(parser.parse_args(["--config", str(path), *words])).prompts.columns
        assert columns.prompt({"question": "1+1?", "answer": "1+1=2\n#### 2"}, "row 1", "x").reference == "2"


@pytest.mark.parametrize("name", ["rationales/orca-2", "preferences/spar"])
def test_a_recipe_is_made_real_by_what_is_laid_over_it(name, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    made = read_course(FOLDER / f"{name}.yaml", OVERLAY)
    made.check()
    settings = yaml.safe_load((FOLDER / f"{name}.yaml").read_text())
    assert made.prompts.name == "openai/gsm8k"
    assert made.teacher.model == "gpt-4.1-mini"
    assert made.folder == settings["folder"]
    assert list(made.arms) == list(settings["arms"])


@pytest.mark.slow
@pytest.mark.parametrize("path", [p for p in RECIPES if "arms" in yaml.safe_load(p.read_text())], ids=lambda p: p.stem)
def test_the_training_settings_of_every_course_parse(path):
    """The training command itself reads what a course would hand it: every module with its settings once."""
    from lightning_modules.cli import TutelageCLI
    from tutelage.course_steps import round_config

    made = read_course(path)
    reader = ParseOnly(TutelageCLI)
    for name in made.arms:
        config = round_config(made, 0, name, made.root)
        seen = unlike_others(config, made.root, name)
        if seen not in SEEN:
            SEEN.add(seen)
            reader.parse(config)


SEEN: set[str] = set()
"""What was parsed in this process."""


def unlike_others(config, root, name) -> str:
    """Write out what tells a config from those of other arms and recipes, but for what the course has parsed alike."""
    data = {key: value for key, value in config["data"]["init_args"].items() if key not in PARSED_ALIKE}
    whole = {**config, "data": data, "seed_everything": 0}
    return yaml.safe_dump(whole).replace(f"{root}/round-000/{name}", "").replace(str(root), "")


PARSED_ALIKE = ("annotations", "curriculum", "prompts", "rendering", "target", "targets_per_prompt", "trusted_only")


class ParseOnly:
    """Parses as the training command does, and stops there."""

    def __init__(self, kind) -> None:
        class Reader(kind):
            def __init__(self, args):
                super().__init__(args)

            def before_instantiate_classes(self):
                raise Parsed

        self.kind = Reader

    def parse(self, config) -> None:
        import tempfile

        with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
            yaml.safe_dump(config, file)
            file.flush()
            with pytest.raises(Parsed):
                self.kind(["fit", "--config", file.name])


class Parsed(Exception):
    """Parsing came to its end."""
