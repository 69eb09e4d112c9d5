"""The ledger: the durable record of every call ever paid for."""

from teachers.ledger.ledger import Ledger

__all__ = ["Ledger"]
