"""Teachers whose distributions and hidden states can be seen: in the run, or stored before it."""
