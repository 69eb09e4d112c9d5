"""Buying through a provider's batch interface."""
