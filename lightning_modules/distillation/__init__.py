"""Modules that learn from what a teacher computes, not only from what it writes."""
