"""Records that no bridge would write, made from those that it did."""
