"""What a teacher says at every supervised position, stored once and read while a student trains."""

from students.logit_store.capture import Capture, Captured, capture
from students.logit_store.layout import Stamp, key_of
from students.logit_store.store import LogitStore

__all__ = ["Capture", "Captured", "LogitStore", "Stamp", "capture", "key_of"]
