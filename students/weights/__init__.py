"""Sources of weights: published models, GGUF files, random initialisation; adapted, cut, held in four bits."""

from students.weights.adapted import Adapted
from students.weights.base import Loaded, Weights
from students.weights.four_bit import FourBit
from students.weights.gguf import GGUF
from students.weights.pretrained import Pretrained, PretrainedTokenizer
from students.weights.pruned_copy import PrunedCopy
from students.weights.random_weights import RandomWeights

__all__ = [
    "Adapted",
    "FourBit",
    "GGUF",
    "Loaded",
    "Pretrained",
    "PretrainedTokenizer",
    "PrunedCopy",
    "RandomWeights",
    "Weights",
]
