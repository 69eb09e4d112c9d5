"""The report of a round: gathered from its files, written as JSON and as one self-contained page."""
