"""An emulated provider on this machine: OpenAI's and Anthropic's wire formats, limits, batches, bills and faults.

Real SDKs speak to it. What it answers, charges and breaks is a pure function of what it is asked and of a seed; what
it saw, charged and refused is kept for the tests to count.
"""

from provider.answers import arithmetic
from provider.bill import Bill, Charge, Prices
from provider.clock import Clock
from provider.faults import LOST_AFTER_BILLING, Event, Schedule, no_faults
from provider.provider import Provider
from provider.rate_limits import RateLimits, busiest
from provider.serving import serving

__all__ = [
    "LOST_AFTER_BILLING",
    "Bill",
    "Charge",
    "Clock",
    "Event",
    "Prices",
    "Provider",
    "RateLimits",
    "Schedule",
    "arithmetic",
    "busiest",
    "no_faults",
    "serving",
]
