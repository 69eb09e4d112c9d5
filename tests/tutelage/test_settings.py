from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest
from jsonargparse import Namespace

import curricula
import students
from curricula import EasyFirst, Length, Tiers
from lessons.errors import ConfigError
from students import LoRA, Pretrained, RandomWeights, Student
from tutelage.settings import build, differences, digest, settings_of


class Forgetful:
    def __init__(self, size: int) -> None:
        self.doubled = 2 * size


@dataclass
class Holder:
    ordering: object
    extra: dict | None = None


def test_an_object_is_written_as_what_a_config_says():
    found = settings_of(Student(Pretrained("folder"), adapter=LoRA(rank=4)))
    assert found["class_path"] == "students.Student"
    assert found["init_args"]["weights"] == {
        "class_path": "students.Pretrained",
        "init_args": {"name_or_path": "folder", "revision": None},
    }
    assert found["init_args"]["adapter"]["init_args"]["rank"] == 4


def test_nested_parts_and_plain_values():
    found = settings_of(Holder(Tiers(tiers=2), {"path": Path("a"), "list": (1, 2.5, None, True)}))
    assert found["init_args"]["ordering"]["init_args"]["tiers"] == 2
    assert found["init_args"]["extra"] == {"path": "a", "list": [1, 2.5, None, True]}


def test_a_part_that_forgets_its_arguments_is_refused():
    with pytest.raises(ConfigError, match=r"Forgetful does not keep its constructor's argument\(s\) size"):
        settings_of(Forgetful(3))


@pytest.mark.parametrize(
    "part", [Length(of="question"), EasyFirst(), RandomWeights(), students.AnswerOnly(), curricula.WeakTopics()]
)
def test_written_settings_build_an_equal_part(part):
    from jsonargparse import ArgumentParser

    found = settings_of(part)
    parser = ArgumentParser(exit_on_error=False)
    parser.add_argument("--part", type=type(part))
    built = parser.instantiate(parser.parse_object({"part": found})).part
    assert settings_of(built) == found


def test_digest_ignores_the_order_of_keys():
    assert digest({"a": 1, "b": 2}) == digest({"b": 2, "a": 1}) != digest({"a": 1, "b": 3})


def test_differences_name_paths():
    before = {"a": [1, {"b": 2}], "gone": 1}
    now = {"a": [1, {"b": 3}], "new": None}
    assert differences(before, now) == ["a[1].b: 2 -> 3", "gone: 1 -> null"]
    assert differences({"a": [1]}, {"a": [1, 2]}) == ["a: [1] -> [1, 2]"]


def test_what_a_command_line_builds_is_remembered():
    part = build(Forgetful, size=3)
    assert settings_of(part)["init_args"] == {"size": 3}


def test_parts_that_only_training_builds_are_written_as_they_were_given():
    measure = Namespace(class_path="lightning_modules.ProbeLosses", init_args=Namespace(size=8))
    assert settings_of({"feedback": {"measures": [measure]}}) == {
        "feedback": {"measures": [{"class_path": "lightning_modules.ProbeLosses", "init_args": {"size": 8}}]}
    }
