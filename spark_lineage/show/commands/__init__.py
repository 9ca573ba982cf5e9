"""The commands, one module for each topic; `show/cli.py` imports them."""
