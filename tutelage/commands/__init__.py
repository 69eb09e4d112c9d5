"""One module per command, each a documented function of the same name. Imported one at a time, on use."""
