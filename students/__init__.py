"""Students: models that learn, how lessons are rendered for them, how they answer and are exported."""

from students.byte_pairs import BytePairTokenizer
from students.characters import CharacterTokenizer, TokenizerRecipe
from students.encoder import Encoded, Encoder
from students.exam import sit
from students.generation import Generated, Generation, answer
from students.logit_store import LogitStore
from students.lora import LoRA
from students.precision import choose_precision
from students.renderings import (
    AnswerGroups,
    AnswerOnly,
    ClassifiedQuestions,
    Composed,
    Contrasts,
    Critique,
    Example,
    Exercise,
    Hinted,
    Pairs,
    RationalePrefix,
    RationaleThenAnswer,
    Rendered,
    Rendering,
    ScoredTexts,
    Span,
    TwoTask,
    Views,
    preview,
    render_all,
)
from students.scorer import Scorer, score_texts
from students.student import Student
from students.weights import GGUF, Adapted, Loaded, Pretrained, PretrainedTokenizer, PrunedCopy, RandomWeights, Weights

__all__ = [
    "Adapted",
    "AnswerGroups",
    "AnswerOnly",
    "BytePairTokenizer",
    "CharacterTokenizer",
    "ClassifiedQuestions",
    "Composed",
    "Contrasts",
    "Critique",
    "Encoded",
    "Encoder",
    "Example",
    "Exercise",
    "GGUF",
    "Generated",
    "Generation",
    "Hinted",
    "LoRA",
    "Loaded",
    "LogitStore",
    "Pairs",
    "Pretrained",
    "PretrainedTokenizer",
    "PrunedCopy",
    "RandomWeights",
    "RationalePrefix",
    "RationaleThenAnswer",
    "Rendered",
    "Rendering",
    "ScoredTexts",
    "Scorer",
    "Span",
    "Student",
    "TokenizerRecipe",
    "TwoTask",
    "Views",
    "Weights",
    "answer",
    "choose_precision",
    "preview",
    "render_all",
    "score_texts",
    "sit",
]
