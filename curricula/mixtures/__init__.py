"""Mixtures: which lessons every update draws."""

from __future__ import annotations

from curricula.mixtures.bandits import LearningProgress, Thompson, UpperConfidence
from curricula.mixtures.base import Draw, Mixture, Moment
from curricula.mixtures.by_figure import BestHeard
from curricula.mixtures.by_loss import LossByLoss
from curricula.mixtures.gaussian import GaussianRank, SlidingBell
from curricula.mixtures.group_gap import GroupGap
from curricula.mixtures.groups import GroupMixture, GroupStages
from curricula.mixtures.linked import Linked
from curricula.mixtures.passes import CyclicPasses, RandomSubsets, SpacedRepeats
from curricula.mixtures.prefix import PrefixPool
from curricula.mixtures.replay import Replay
from curricula.mixtures.self_paced import SelfPaced
from curricula.mixtures.skill_it import SkillIt, skill_graph
from curricula.mixtures.skip_easy import SkipEasy
from curricula.mixtures.views import Dial, ViewBy
from curricula.mixtures.weighted import WeightedDraw, WeightedLoss

__all__ = [
    "BestHeard", "CyclicPasses", "Dial", "Draw", "GaussianRank", "GroupGap", "GroupMixture", "GroupStages",
    "LearningProgress", "Linked", "LossByLoss", "Mixture", "Moment", "PrefixPool", "RandomSubsets", "Replay",
    "SelfPaced", "SkillIt", "SkipEasy", "SlidingBell", "SpacedRepeats", "Thompson", "UpperConfidence", "ViewBy",
    "WeightedDraw", "WeightedLoss", "skill_graph",
]  # fmt: skip
