"""What tests of several folders share: `paths`, and `spark` for sessions and jobs."""
