"""Selectors: which lessons to learn from, and why not the others."""

from __future__ import annotations

from curricula.selection.amounts import Amounts
from curricula.selection.band import Band
from curricula.selection.base import Selection, Selector
from curricula.selection.best import Best
from curricula.selection.by_lot import ByLot, Thinned
from curricula.selection.decontamination import NotInExam
from curricula.selection.duplicates import Distinct, OnePer
from curricula.selection.facility_location import FacilityLocation
from curricula.selection.near_duplicates import NearlyDistinct
from curricula.selection.quota import Quota
from curricula.selection.relation import Links, NearestNeighbours, Relation

__all__ = [
    "Amounts", "Band", "Best", "ByLot", "Distinct", "FacilityLocation", "Links", "NearestNeighbours", "NearlyDistinct",
    "NotInExam", "OnePer", "Quota", "Relation", "Selection", "Selector", "Thinned",
]  # fmt: skip
