"""What may be learnt from a teacher's hidden states."""

from __future__ import annotations

from abc import ABC, abstractmethod

from torch import Tensor

from lessons.errors import ConfigError
from lightning_modules.losses.features import cosine_distance, similarity_distance, squared_distance

__all__ = ["FeatureLoss", "HiddenCosine", "HiddenDistance", "HiddenSimilarity"]


class FeatureLoss(ABC):
    """Compares what chosen blocks of student and teacher give, token by token.

    Args:
        weight: Weight in the loss of a token, above 0. Where there are several pairs of blocks, their mean is weighted.
        student_layers: The student's blocks, 1 for the first; -1 for the last. None: the last.
        teacher_layers: The teacher's block for each of them; None: the one at the same share of its depth.
    """

    equal_width: bool = True
    """Whether it needs states of equal width; where they differ, a trained projection makes them so."""

    def __init__(
        self, weight: float = 1.0, student_layers: list[int] | None = None, teacher_layers: list[int] | None = None
    ) -> None:
        self.weight = weight
        self.student_layers = student_layers
        self.teacher_layers = teacher_layers

    @abstractmethod
    def per_token(self, student: Tensor, teacher: Tensor, sequences: Tensor) -> Tensor:
        """Return one number per token, [tokens], 0 where the two agree.

        Args:
            student: The student's states after a block, [tokens, features], projected if need be.
            teacher: The teacher's, [tokens, features], without gradient.
            sequences: The number of each token's sequence, rising, int64 [tokens].
        """

    def check(self) -> None:
        """Refuse settings that no model could meet; called before anything is loaded.

        Raises:
            ConfigError: The weight is not above 0, or the lists of blocks do not go together.
        """
        if not self.weight > 0:
            raise ConfigError(
                f"{type(self).__name__} got weight={self.weight}. Allowed are values above 0. Correct `weight`, or "
                "leave this feature out."
            )
        mine, other = self.student_layers, self.teacher_layers
        if mine == [] or (other is not None and (mine is None or len(mine) != len(other))):
            raise ConfigError(
                f"{type(self).__name__} got student_layers={mine} and teacher_layers={other}. Needed is one block of "
                "the teacher for each of the student's, or none of the teacher's for those at the same share of its "
                "depth. Correct `student_layers` and `teacher_layers`."
            )

    def pairs(self, student_depth: int, teacher_depth: int) -> list[tuple[int, int]]:
        """Return which block of the student is compared with which of the teacher, counted from 0.

        Raises:
            ConfigError: There is no such block.
        """
        mine = [self.place(layer, student_depth, "student") for layer in self.student_layers or [-1]]
        if self.teacher_layers is not None:
            return list(zip(mine, (self.place(k, teacher_depth, "teacher") for k in self.teacher_layers), strict=True))
        # The last to the last, the middle to the middle.
        return [(layer, max(0, (layer + 1) * teacher_depth // student_depth - 1)) for layer in mine]

    def place(self, layer: int, depth: int, whose: str) -> int:
        """Return a block's number counted from 0."""
        place = layer - 1 if layer > 0 else depth + layer
        if layer == 0 or not 0 <= place < depth:
            raise ConfigError(
                f"{type(self).__name__} asks for block {layer} of the {whose}, which has {depth}. Allowed are 1 to "
                f"{depth}, or -1 (the last) to -{depth}. Correct `{whose}_layers`."
            )
        return place


class HiddenDistance(FeatureLoss):
    """||W h_S - h_T||^2 / features: the student's states shall be the teacher's, up to a trained projection W.

    Where both have one width, W is left out. With a copy of the student that was trained further on the domain as its
    teacher it is self-distillation after Lee et al. 2022 (arXiv:2210.02871, our reading).
    """

    def per_token(self, student: Tensor, teacher: Tensor, sequences: Tensor) -> Tensor:
        """Return the mean squared difference of the features, [tokens]."""
        return squared_distance(student, teacher)


class HiddenCosine(FeatureLoss):
    """1 - cos(W h_S, h_T): only the directions of the states count.

    After DistilBERT's cosine loss (Sanh et al. 2019, arXiv:1910.01108, our reading), which has no projection.
    """

    def per_token(self, student: Tensor, teacher: Tensor, sequences: Tensor) -> Tensor:
        """Return one minus the cosine, [tokens], in [0, 2]."""
        return cosine_distance(student, teacher)


class HiddenSimilarity(FeatureLoss):
    """mean over u of (s_t . s_u - t_t . t_u)^2: tokens of a text that are alike to the teacher shall be to the student.

    The distance ||H_S H_S' - H_T H_T'||^2 of the similarity matrices of a sequence, its rows given to their tokens,
    after similarity-preserving distillation (Tung and Mori 2019, arXiv:1907.09682, unchecked here); over the tokens of
    one sequence where that takes the examples of a batch, since what is learnt must not depend on the batch. Either
    side has its own width and there is no projection.

    Args:
        weight: Weight in the loss of a token, above 0. Where there are several pairs of blocks, their mean is weighted.
        student_layers: The student's blocks, 1 for the first; -1 for the last. None: the last.
        teacher_layers: The teacher's block for each of them; None: the one at the same share of its depth.
        cosine: Compare cosines; otherwise products divided by the number of features.
    """

    equal_width = False

    def __init__(
        self,
        weight: float = 1.0,
        student_layers: list[int] | None = None,
        teacher_layers: list[int] | None = None,
        cosine: bool = True,
    ) -> None:
        super().__init__(weight, student_layers, teacher_layers)
        self.cosine = cosine

    def per_token(self, student: Tensor, teacher: Tensor, sequences: Tensor) -> Tensor:
        """Return the mean squared difference of a token's similarities, [tokens]."""
        return similarity_distance(student, teacher, sequences, self.cosine)
