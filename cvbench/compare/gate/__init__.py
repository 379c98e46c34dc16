"""The gate in CI: a run held against a baseline and its suite's floors, and what is said of it where."""
