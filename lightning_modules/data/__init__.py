"""Lessons to batches: rendered once, cut into micro-batches in the planned order, exactly resumable."""
