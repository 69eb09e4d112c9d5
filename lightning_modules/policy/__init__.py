"""Modules that learn from answers with marks: the student's own, or stored ones."""
