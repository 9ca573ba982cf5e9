"""Applications that die, each a process of its own."""
