from __future__ import annotations

import json
from pathlib import Path

import pytest

from lessons.errors import CallFailed, ConfigError, MissingSecret, Stopped
from tutelage.steps import Step, content_digest, run_step


def writing(folder: Path, settings: dict | None = None, text: str = "out", calls: list | None = None) -> Step:
    def action() -> dict:
        if calls is not None:
            calls.append(1)
        (folder / "out.txt").write_text(text)
        return {"rows": 3}

    (folder / "in.txt").touch()
    return Step("write", folder, (folder / "out.txt",), action, settings or {"seed": 0}, (folder / "in.txt",))


def test_a_finished_step_is_not_done_again(tmp_path):
    calls: list[int] = []
    assert run_step(writing(tmp_path, calls=calls)) is True
    assert run_step(writing(tmp_path, calls=calls)) is False
    assert len(calls) == 1
    record = json.loads((tmp_path / "steps" / "write.json").read_text())
    assert record["state"] == "done"
    assert record["notes"] == {"rows": 3}
    assert record["inputs"] == {"in.txt": content_digest(tmp_path / "in.txt")}


def test_a_step_whose_output_is_gone_is_done_again(tmp_path):
    calls: list[int] = []
    run_step(writing(tmp_path, calls=calls))
    (tmp_path / "out.txt").unlink()
    assert run_step(writing(tmp_path, calls=calls)) is True
    assert len(calls) == 2


def test_changed_settings_are_named_and_nothing_is_touched(tmp_path):
    run_step(writing(tmp_path, {"seed": 0, "arm": {"passes": 2}}))
    with pytest.raises(
        ConfigError, match=r"'write'.*was finished with other settings \(arm\.passes: 2 -> 3\)"
    ) as caught:
        run_step(writing(tmp_path, {"seed": 0, "arm": {"passes": 3}}, text="new"))
    assert (tmp_path / "out.txt").read_text() == "out"
    assert "give another folder" in str(caught.value)
    assert str(tmp_path / "out.txt") in str(caught.value)


def test_a_step_that_was_only_begun_is_not_mixed_with_other_settings(tmp_path):
    def killed() -> None:
        raise KeyboardInterrupt

    step = Step("write", tmp_path, (tmp_path / "out.txt",), killed, {"seed": 0})
    with pytest.raises(KeyboardInterrupt):
        run_step(step)
    with pytest.raises(ConfigError, match=r"was begun with other settings \(seed: 0 -> 1\)"):
        run_step(writing(tmp_path, {"seed": 1}))


def test_another_input_is_named(tmp_path):
    run_step(writing(tmp_path))
    (tmp_path / "in.txt").write_text("new")
    with pytest.raises(ConfigError, match=r"with another in\.txt"):
        run_step(writing(tmp_path))


def test_a_file_the_step_did_not_make_is_never_overwritten(tmp_path):
    (tmp_path / "out.txt").write_text("mine")
    with pytest.raises(ConfigError, match=r"out\.txt exists already, and there is no record of this step"):
        run_step(writing(tmp_path))
    assert (tmp_path / "out.txt").read_text() == "mine"


def test_a_torn_record_is_explained(tmp_path):
    run_step(writing(tmp_path))
    (tmp_path / "steps" / "write.json").write_text("{")
    with pytest.raises(ConfigError, match=r"write\.json is not readable JSON"):
        run_step(writing(tmp_path))


def test_a_course_can_be_moved(tmp_path):
    before = tmp_path / "a"
    before.mkdir()
    run_step(writing(before))
    before.rename(tmp_path / "b")
    assert run_step(writing(tmp_path / "b")) is False


def test_digest_of_a_folder_sees_content_and_names(tmp_path):
    folder = tmp_path / "f"
    folder.mkdir()
    (folder / "a").write_text("1")
    first = content_digest(folder)
    (folder / "a").rename(folder / "b")
    second = content_digest(folder)
    (folder / "b").write_text("2")
    assert len({first, second, content_digest(folder)}) == 3


def test_digest_of_a_missing_input_is_explained(tmp_path):
    with pytest.raises(ConfigError, match=r"No file .*gone"):
        content_digest(tmp_path / "gone")


@pytest.mark.parametrize("error", [CallFailed("no key"), ConfigError("wrong"), MissingSecret("none")])
def test_a_step_that_failed_before_it_wrote_anything_binds_nobody(tmp_path, error):
    def fail():
        raise error

    with pytest.raises(type(error)):
        run_step(Step("write", tmp_path, (tmp_path / "out.txt",), fail, {"model": "misspelt"}))
    other = Step("write", tmp_path, (tmp_path / "out.txt",), lambda: (tmp_path / "out.txt").touch(), {"model": "right"})
    assert run_step(other)


def test_a_step_that_was_only_stopped_goes_on_with_the_same_settings(tmp_path):
    def stop():
        raise Stopped("by the user")

    with pytest.raises(Stopped):
        run_step(Step("write", tmp_path, (tmp_path / "out.txt",), stop, {"model": "a"}))
    with pytest.raises(ConfigError, match="was begun with other settings"):
        run_step(Step("write", tmp_path, (tmp_path / "out.txt",), stop, {"model": "b"}))
