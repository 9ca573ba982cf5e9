"""What should be and what was: deviations between designs, runs and declarations, each a `Finding`."""
