"""Every recipe parses against the real signatures. Nothing is loaded, asked or trained."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from tutelage.command_line import make_parser
from tutelage.commands.course import course
from tutelage.commands.distill import distill
from tutelage.commands.evaluate import evaluate
from tutelage.commands.plan import plan

RECIPES = sorted((Path(__file__).parents[1] / "recipes").glob("**/*.yaml"))


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
        from tutelage.course import Course

        Course(**built).check()
    assert not list(tmp_path.iterdir())


def test_a_text_that_yaml_takes_for_a_comment_stays_a_text(tmp_path):
    parser = make_parser(course, "tutelage course")
    path = Path(__file__).parents[1] / "recipes" / "fine-tune-cot.yaml"
    for words in ([], ["--prompts.columns.reference_after=####"]):
        columns = parser.instantiate(parser.parse_args(["--config", str(path), *words])).prompts.columns
        assert columns.prompt({"question": "1+1?", "answer": "1+1=2\n#### 2"}, "row 1", "x").reference == "2"


@pytest.mark.slow
@pytest.mark.parametrize("path", [p for p in RECIPES if "arms" in yaml.safe_load(p.read_text())], ids=lambda p: p.stem)
def test_the_training_settings_of_every_course_parse(path):
    """The training command itself reads what a course would hand it."""
    from lightning_modules.cli import TutelageCLI
    from tutelage.course import Course
    from tutelage.training import train_config

    parser = make_parser(course, "tutelage course")
    built = vars(parser.instantiate(parser.parse_args(["--config", str(path)])))
    built.pop("config")
    made = Course(**built)
    reader = ParseOnly(TutelageCLI)
    different = {}
    for name, arm in made.arms.items():
        settings = arm.training_settings(made.training, name)
        config = train_config(made.student, arm, settings, made.round_folder(0), name, made.annotated, made.seed)
        plan = str(made.round_folder(0) / name)
        different[yaml.safe_dump(config).replace(plan, "plan")] = config  # most arms differ in their plans alone
    for config in different.values():
        reader.parse(config)


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
