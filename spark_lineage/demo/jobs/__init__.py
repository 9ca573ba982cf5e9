"""The shop's jobs: scripts that Spark runs, not modules to import."""
