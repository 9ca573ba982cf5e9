"""Rules of the logical operators, one file for each family."""
