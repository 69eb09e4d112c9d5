"""The local backend: a model in this process."""
