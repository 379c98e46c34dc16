"""Compare two or more runs: differences, their uncertainty, and verdicts."""
