"""What `bench/accuracy.py` is made of: the peer and its events, how two answers are compared, what explains a difference."""
