"""Models that do not learn and can be looked into: teachers in the run or stored before it, and the student's start."""
