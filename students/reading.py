"""What a student makes of texts that it only reads: the final hidden state of each of their tokens."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from students.student import Student

if TYPE_CHECKING:
    from students.heavy_types import torch

__all__ = ["padded", "read_states"]


def padded(rows: Sequence[Sequence[int]], device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
    """Return token ids as right-padded rows, int64 [rows, time], and which of them are real, bool [rows, time]."""
    import torch

    width = max(map(len, rows))
    input_ids = torch.tensor([[*row, *[0] * (width - len(row))] for row in rows], device=device)
    lengths = torch.tensor([len(row) for row in rows], device=device)
    return input_ids, torch.arange(width, device=device) < lengths[:, None]


def read_states(student: Student, input_ids: torch.Tensor, real: torch.Tensor) -> torch.Tensor:
    """Return the final hidden states of right-padded texts, [rows, time, features]; those of padding mean nothing.

    A sequence-to-sequence model reads with its encoder.

    Args:
        student: Who reads, without gradients.
        input_ids: The texts, [rows, time].
        real: Which tokens are no padding, [rows, time]: an encoder would look at it.
    """
    import torch

    from students.encoder_decoder import is_encoder_decoder

    model: Any = student.base_model
    with torch.no_grad():
        if is_encoder_decoder(model):
            read = model.get_encoder()(input_ids=input_ids, attention_mask=real.long())
        else:
            read = model.get_decoder()(input_ids=input_ids, attention_mask=real.long(), use_cache=False)
    states: torch.Tensor = read.last_hidden_state
    return states
