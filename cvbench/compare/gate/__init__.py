"""The gate in CI: compare a run with a baseline and its suite's floors, and report the result."""
