"""What to do: cells, suites and the catalogue. Imports no torch."""

from cvbench.spec.moved import forwarding

__getattr__ = forwarding(__name__, "cvbench.spec.cell")
