"""Two critics, one merged critique, one revision: the chain as a user runs it, in one distill run."""

from __future__ import annotations

from pathlib import Path

import pytest

from lessons.graders import NumberGrader
from lessons.records import Attempt, Message, Prompt
from lessons.tables import read_annotations, write_attempts
from teachers import CritiqueAnnotator, MergedCritiqueAnnotator, RevisionAnnotator, ScriptedBackend, distill
from teachers.annotators import By

PROGRAM = """
def sharp(request):
    kind = request.metadata["kind"]
    if kind == "critique":
        return "The sum is off.\\nFirst wrong step: 1\\nCorrected answer: 4\\nVerdict: incorrect"
    if kind == "merged_critique":
        assert "The sum is off." in request.messages[-1].content and "Well done." in request.messages[-1].content
        return (
            "Critique 1: sound\\nCritique 2: unsound\\nMerged critique:\\nAdd again.\\n"
            "First wrong step: 1\\nCorrected answer: 4\\nVerdict: incorrect"
        )
    assert "Add again." in request.messages[-1].content
    return "2+2=4\\nAnswer: 4"


def kind(request):
    return "Well done.\\nVerdict: correct"
"""


def test_critiques_of_two_teachers_are_merged_and_lead_to_a_revision(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "chain_program.py").write_text(PROGRAM)
    monkeypatch.syspath_prepend(str(tmp_path))
    prompt = Prompt("p", (Message("user", "What is 2+2?"),), reference="4")
    attempts = str(tmp_path / "attempts.parquet")
    write_attempts(attempts, [Attempt("p", "student", "2+2=5\nAnswer: 5")])
    critic = CritiqueAnnotator(attempts=attempts)
    annotators = [
        critic,
        By("second", ScriptedBackend("chain_program:kind"), critic),
        MergedCritiqueAnnotator(),
        RevisionAnnotator(of="merged_critique"),
    ]
    teacher = ScriptedBackend("chain_program:sharp")
    distill(
        [prompt], teacher, annotators, NumberGrader(), tmp_path / "ledger", tmp_path / "out.parquet", progress=False
    )
    found = {annotation.kind: annotation for annotation in read_annotations(tmp_path / "out.parquet")}
    assert list(found) == ["critique", "critique.second", "merged_critique", "revision"]
    assert [annotation.trusted for annotation in found.values()] == [True, False, True, True]
    assert found["merged_critique"].data["judgements"] == ["sound", "unsound"]
    authors = [origin["author"] for origin in found["merged_critique"].data["merged"]]
    assert authors == ["chain_program:sharp", "chain_program:kind"]
    assert found["revision"].subject == "2+2=5\nAnswer: 5"
    assert found["revision"].data["critiqued_by"]["kind"] == "merged_critique"
    assert found["revision"].data["gain"] == 1.0
