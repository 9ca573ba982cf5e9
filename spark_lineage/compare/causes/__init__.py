"""Why a number is as it is, and what hangs on it."""
