"""Cells, suites and the catalogue. Does not import torch."""

from cvbench.spec.moved import forwarding

__getattr__ = forwarding(__name__, "cvbench.spec.cell")
