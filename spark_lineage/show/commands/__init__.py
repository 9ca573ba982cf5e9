"""The commands that ask what happened, one module for each topic; `show/cli.py` imports them."""
