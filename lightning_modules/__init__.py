"""Training: Lightning modules, the curriculum's data module, losses, callbacks and the command line."""

from lightning_modules.callbacks import (
    BatchLog,
    CurriculumFeedback,
    Progress,
    RandomState,
    StopOnGradientNorm,
    StopOnPlateau,
    StopOnTokens,
    StudentExport,
    UpdateCheckpoint,
)
from lightning_modules.cli import TutelageCLI, train
from lightning_modules.companion import Companion
from lightning_modules.data_module import CurriculumDataModule
from lightning_modules.divergences import (
    AdaptiveKL,
    Divergence,
    ForwardKL,
    GeneralizedJSD,
    ReverseKL,
    SkewForwardKL,
    SkewReverseKL,
    SymmetricKL,
    TotalVariation,
)
from lightning_modules.logit_distillation import LogitDistillation
from lightning_modules.measures import FixedSetLoss, Measure, PassRates, ProbeErrors, ProbeLosses, TrainingLosses
from lightning_modules.on_policy_distillation import OnPolicyDistillation
from lightning_modules.on_policy_gradient import SampledReverseKL
from lightning_modules.sampler import CurriculumSampler
from lightning_modules.sampling import AdaptiveShare, AnswerSource, OwnAnswers, Replay, Sampling, StudentShare
from lightning_modules.schedules import (
    REX,
    Constant,
    Cosine,
    Infinite,
    Linear,
    Power,
    Refined,
    Schedule,
    WarmupStableDecay,
)
from lightning_modules.supervised import SupervisedModule

__all__ = [
    "BatchLog",
    "Companion",
    "Constant",
    "Cosine",
    "CurriculumDataModule",
    "CurriculumFeedback",
    "CurriculumSampler",
    "FixedSetLoss",
    "Infinite",
    "Linear",
    "LogitDistillation",
    "Measure",
    "PassRates",
    "Power",
    "ProbeErrors",
    "ProbeLosses",
    "Progress",
    "REX",
    "RandomState",
    "Refined",
    "Schedule",
    "StopOnGradientNorm",
    "StopOnPlateau",
    "StopOnTokens",
    "StudentExport",
    "SupervisedModule",
    "TrainingLosses",
    "TutelageCLI",
    "UpdateCheckpoint",
    "WarmupStableDecay",
    "train",
    "AdaptiveKL",
    "Divergence",
    "ForwardKL",
    "GeneralizedJSD",
    "ReverseKL",
    "SkewForwardKL",
    "SkewReverseKL",
    "SymmetricKL",
    "TotalVariation",
    "AdaptiveShare",
    "AnswerSource",
    "OnPolicyDistillation",
    "OwnAnswers",
    "Replay",
    "SampledReverseKL",
    "Sampling",
    "StudentShare",
]
