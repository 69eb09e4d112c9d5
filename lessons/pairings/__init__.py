"""Pairings: which two texts about one prompt are set against each other, the better and the worse."""

from lessons.pairings.base import Candidate, Pair, Pairing
from lessons.pairings.best_against_worst import BestAgainstWorst
from lessons.pairings.judged_pair import JudgedPair
from lessons.pairings.kind_against_kind import KindAgainstKind
from lessons.pairings.revised_against_attempt import RevisedAgainstAttempt
from lessons.pairings.right_against_wrong import RightAgainstWrong
from lessons.pairings.scores import GRADE, candidates

__all__ = [
    "GRADE",
    "BestAgainstWorst",
    "Candidate",
    "JudgedPair",
    "KindAgainstKind",
    "Pair",
    "Pairing",
    "RevisedAgainstAttempt",
    "RightAgainstWrong",
    "candidates",
]
