"""Losses on preferences as plugins of `PreferenceModule`: formula, settings, and what they need."""

from lightning_modules.preferences.alignment import AFT
from lightning_modules.preferences.base import LessonPreference, PairPreference, Preference, TextPreference
from lightning_modules.preferences.direct import DPO, IPO
from lightning_modules.preferences.negative import NPO
from lightning_modules.preferences.prospect import KTO
from lightning_modules.preferences.reference_free import ORPO, REDI, SimPO
from lightning_modules.preferences.texts import StepTotals, Texts
from lightning_modules.preferences.unified import UFT

__all__ = [
    "AFT",
    "DPO",
    "IPO",
    "KTO",
    "NPO",
    "ORPO",
    "REDI",
    "UFT",
    "LessonPreference",
    "PairPreference",
    "Preference",
    "SimPO",
    "StepTotals",
    "TextPreference",
    "Texts",
]
