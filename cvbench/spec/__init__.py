"""What to do: cells, suites and the catalogue. Imports no torch."""
