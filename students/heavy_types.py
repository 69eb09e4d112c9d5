"""The types of torch and transformers that signatures name, for type checkers only.

jsonargparse runs the `if TYPE_CHECKING:` block of every module whose classes it reads. If those blocks imported torch
and transformers themselves, `--help` would load both (seconds). From here nothing is to be had at run time: the import
fails, jsonargparse goes on without these names, and no constructor needs them.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch as torch
    from transformers import LlamaConfig as LlamaConfig
    from transformers import PretrainedConfig as PretrainedConfig
    from transformers import PreTrainedModel as PreTrainedModel
    from transformers import PreTrainedTokenizerBase as PreTrainedTokenizerBase
