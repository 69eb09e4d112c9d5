"""The face of the project: commands, courses and reports. The only package that knows all the others."""
