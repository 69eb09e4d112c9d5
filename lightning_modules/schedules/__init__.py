"""Learning-rate schedules: pure functions of the update, told the length of the run by the module."""

from lightning_modules.schedules.base import Schedule
from lightning_modules.schedules.constant import Constant
from lightning_modules.schedules.cosine import Cosine
from lightning_modules.schedules.infinite import Infinite
from lightning_modules.schedules.linear import Linear
from lightning_modules.schedules.power import Power
from lightning_modules.schedules.refined import Refined
from lightning_modules.schedules.rex import REX
from lightning_modules.schedules.warmup_stable_decay import WarmupStableDecay

__all__ = ["Constant", "Cosine", "Infinite", "Linear", "Power", "REX", "Refined", "Schedule", "WarmupStableDecay"]
