"""Training: Lightning modules, the curriculum's data module, losses, callbacks and the command line."""

from lightning_modules.callbacks import (
    BatchLog,
    CurriculumFeedback,
    Figures,
    Progress,
    RandomState,
    StopOnGradientNorm,
    StopOnPlateau,
    StopOnTokens,
    StudentExport,
    UpdateCheckpoint,
)
from lightning_modules.cli import TutelageCLI, train
from lightning_modules.data.companion import Companion
from lightning_modules.data.data_module import CurriculumDataModule
from lightning_modules.data.sampler import CurriculumSampler
from lightning_modules.distillation.chunk_divergences import GOLD, ULD, ChunkDivergence
from lightning_modules.distillation.cross_tokenizer import CrossTokenizerDistillation
from lightning_modules.distillation.dual_head import DualHeadDistillation
from lightning_modules.distillation.feature_distillation import FeatureDistillation
from lightning_modules.distillation.features import FeatureLoss, HiddenCosine, HiddenDistance, HiddenSimilarity
from lightning_modules.distillation.logit_distillation import LogitDistillation
from lightning_modules.distillation.on_policy_distillation import OnPolicyDistillation
from lightning_modules.distillation.on_policy_gradient import SampledReverseKL
from lightning_modules.distillation.score_distillation import ScoreDistillation
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
from lightning_modules.input_noise import InputNoise, MaskedTokens, OwnTokens
from lightning_modules.measures import (
    FixedSetLoss,
    Measure,
    PassRates,
    ProbeAngles,
    ProbeErrors,
    ProbeLosses,
    ProbeNuclearNorms,
    TrainingLosses,
)
from lightning_modules.noisy_inputs import NoisyInputs
from lightning_modules.policy.losses import GroupAdvantage, NegativeAware, PolicyLoss
from lightning_modules.policy.marginal_likelihood import MarginalLikelihood
from lightning_modules.policy.policy_log import log_policy
from lightning_modules.policy.verified import VerifiedModule
from lightning_modules.policy.verified_online import OnlineVerifiedModule
from lightning_modules.preferences import AFT, DPO, IPO, KTO, NPO, ORPO, REDI, UFT, Preference, SimPO
from lightning_modules.preferences.preference import PreferenceModule
from lightning_modules.sampling import (
    AdaptiveShare,
    AnswerWriter,
    OwnAnswers,
    Replay,
    Sampling,
    ServedAnswers,
    StudentShare,
)
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
    "AFT",
    "DPO",
    "GOLD",
    "IPO",
    "KTO",
    "NPO",
    "ORPO",
    "REDI",
    "REX",
    "UFT",
    "ULD",
    "AdaptiveKL",
    "AdaptiveShare",
    "AnswerWriter",
    "BatchLog",
    "ChunkDivergence",
    "Companion",
    "Constant",
    "Cosine",
    "CrossTokenizerDistillation",
    "CurriculumDataModule",
    "CurriculumFeedback",
    "CurriculumSampler",
    "Divergence",
    "DualHeadDistillation",
    "FeatureDistillation",
    "FeatureLoss",
    "Figures",
    "FixedSetLoss",
    "ForwardKL",
    "GeneralizedJSD",
    "GroupAdvantage",
    "HiddenCosine",
    "HiddenDistance",
    "HiddenSimilarity",
    "Infinite",
    "InputNoise",
    "Linear",
    "LogitDistillation",
    "MarginalLikelihood",
    "MaskedTokens",
    "Measure",
    "NegativeAware",
    "NoisyInputs",
    "OnPolicyDistillation",
    "OnlineVerifiedModule",
    "OwnAnswers",
    "OwnTokens",
    "PassRates",
    "PolicyLoss",
    "Power",
    "Preference",
    "PreferenceModule",
    "ProbeAngles",
    "ProbeErrors",
    "ProbeLosses",
    "ProbeNuclearNorms",
    "Progress",
    "RandomState",
    "Refined",
    "Replay",
    "ReverseKL",
    "SampledReverseKL",
    "Sampling",
    "Schedule",
    "ScoreDistillation",
    "ServedAnswers",
    "SimPO",
    "SkewForwardKL",
    "SkewReverseKL",
    "StopOnGradientNorm",
    "StopOnPlateau",
    "StopOnTokens",
    "StudentExport",
    "StudentShare",
    "SupervisedModule",
    "SymmetricKL",
    "TotalVariation",
    "TrainingLosses",
    "TutelageCLI",
    "UpdateCheckpoint",
    "VerifiedModule",
    "WarmupStableDecay",
    "log_policy",
    "train",
]
