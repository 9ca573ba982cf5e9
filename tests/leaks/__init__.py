"""Secrets in every position of a real job, and where they are looked for afterwards."""
