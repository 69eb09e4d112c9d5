from __future__ import annotations

import io

import pytest

from teachers.progress import Progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_plain_lines_tell_rate_time_left_and_dollars(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [100.0]
    monkeypatch.setattr("teachers.progress.time.monotonic", lambda: clock[0])
    stream = io.StringIO()
    with Progress("distill", 100, "prompts", stream=stream) as bar:
        for done in range(1, 51):
            clock[0] += 0.5
            bar.at(done, 0.25)
    lines = stream.getvalue().splitlines()
    assert lines == [
        "distill: 20/100 prompts, 2.0/s, 10 s so far, 40 s to go, $0.2500",
        "distill: 40/100 prompts, 2.0/s, 20 s so far, 30 s to go, $0.2500",
        "distill: 50/100 prompts, 2.0/s, 25 s so far, 25 s to go, $0.2500",
    ]


def test_an_unknown_total_and_an_unknown_price_are_left_out() -> None:
    stream = io.StringIO()
    with Progress("distill", stream=stream) as bar:
        bar.at(3)
    assert stream.getvalue().startswith("distill: 3 items, ")
    assert "$" not in stream.getvalue()
    assert "to go" not in stream.getvalue()


def test_a_terminal_gets_a_bar() -> None:
    stream = Terminal()
    with Progress("distill", 10, "prompts", stream=stream) as bar:
        bar.at(10, 1.5)
    assert "10/10" in stream.getvalue()
    assert "$1.5000" in stream.getvalue()


def test_nothing_is_shown_when_not_wanted() -> None:
    stream = io.StringIO()
    with Progress("distill", 10, shown=False, stream=stream) as bar:
        bar.at(10)
    assert stream.getvalue() == ""


def test_what_all_will_likely_cost_is_told() -> None:
    stream = io.StringIO()
    with Progress("distill", 10, "prompts", stream=stream) as bar:
        bar.at(4, 1.2, 3.4)
    assert stream.getvalue().rstrip().endswith("$1.2000 of about $3.40")
