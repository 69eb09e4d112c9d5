"""The exam of critics."""
