from __future__ import annotations

from dataclasses import replace
from html.parser import HTMLParser

import pytest

import tutelage.report.page
from lessons.report_card import Cell, ReportCard
from tutelage.report.page import duration, render
from tutelage.report.verdicts import verdict, verdicts


def marks(author: str, cell: Cell) -> ReportCard:
    return ReportCard(author, "number/1", 0.95, cell.total, 0, cell, {}, {}, 0, None)


VOID = {"meta", "img", "br", "link", "input"}


class Page(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.images: list[str] = []
        self.links: list[str] = []
        self.words: list[str] = []
        self.tags: set[str] = set()
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        if tag not in VOID:
            self.open.append(tag)
        found = dict(attrs)
        if tag == "img":
            self.images.append(found["src"])
            assert found["alt"]
        self.links += [found[name] for name in ("href",) if name in found]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


@pytest.fixture
def page(report) -> Page:
    return Page(render(report))


def test_the_page_is_whole_and_needs_no_other_file(page):
    assert page.open == []
    assert page.links == []
    assert "script" not in page.tags
    assert len(page.images) == 4
    assert all(image.startswith("data:image/") for image in page.images)


def test_everything_from_outside_is_escaped(report):
    assert "<script>" not in render(report)
    assert "&lt;script&gt;alert(1)" in render(report)


def test_counts_intervals_costs_and_samples_are_there(page):
    for expected in (
        "51 300 17.0%",
        "81.6% to 89.5%",
        "1,100,000",
        "2,987",
        "price not known",
        "1 min 1 s",
        "right",
        "wrong",
        "not graded",
        "intervals do not touch",
        "folder: runs/quickstart",
        "torch 2.13.0",
    ):
        assert expected in page.text, expected


def test_the_same_report_gives_the_same_bytes(report):
    assert render(report) == render(report)


def test_a_bare_report_is_a_page_too(report):
    arm = replace(
        report.arms[0], curriculum_picture=None, training=replace(report.arms[0].training, losses=(), updates=None)
    )
    arm = replace(arm, exam=marks("only", Cell(0, 1, 0.0, 0.0, 0.79)))
    bare = replace(
        report, arms=(arm,), others=(), annotations=(), spending=(), samples=(), former=(), verdicts=(), provenance={}
    )
    page = Page(render(bare))
    assert page.open == []
    assert "not counted" in page.text
    assert "The teacher" not in page.text


def test_many_topics_become_a_table(report):
    cell = Cell(1, 2, 0.5, 0.1, 0.9)
    exam = replace(report.arms[0].exam, by_topic={f"topic {k}": cell for k in range(40)})
    page = Page(render(replace(report, arms=(replace(report.arms[0], exam=exam),), others=())))
    assert "topic 39" in page.text


def test_a_picture_that_fails_costs_nothing_but_itself(report, monkeypatch):
    def fail(losses):
        raise ValueError("Invalid bounding box <1>")

    monkeypatch.setattr(tutelage.report.page, "loss_chart", fail)
    page = Page(render(report))
    assert len(page.images) == 3
    assert "could not be drawn (Training loss of every arm): ValueError: Invalid bounding box <1>" in page.text
    assert "51 300 17.0%" in page.text


def test_verdicts_say_what_intervals_say():
    low, high = marks("a", Cell(10, 100, 0.1, 0.05, 0.18)), marks("b", Cell(90, 100, 0.9, 0.82, 0.95))
    middle = marks("c", Cell(15, 100, 0.15, 0.09, 0.23))
    assert verdict(high, low).startswith("b is better than a by 80.0 percentage points: the intervals do not touch.")
    assert verdict(low, high).startswith("b is better than a")
    assert verdict(low, middle).startswith("No difference shown between a and c: the intervals overlap.")
    assert "10 of 100 (10.0%, 95% interval 5.0% to 18.0%)" in verdict(low, middle)
    assert len(verdicts([low, high], base=middle)) == 3


def test_touching_intervals_show_nothing():
    a, b = marks("a", Cell(1, 2, 0.5, 0.4, 0.6)), marks("b", Cell(2, 2, 0.7, 0.6, 0.8))
    assert verdict(a, b).startswith("No difference shown")


@pytest.mark.parametrize(
    ("seconds", "text"), [(None, "not measured"), (0.04, "0.0 s"), (61, "1 min 1 s"), (7300, "2 h 1 min")]
)
def test_durations(seconds, text):
    assert duration(seconds) == text
