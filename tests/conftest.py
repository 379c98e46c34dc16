"""Shapes and types in signatures are checked in every test; a slow machine fails no property."""

from hypothesis import settings
from jaxtyping import install_import_hook

# As for mypy, a whole number is a float too (PEP 484's tower).
install_import_hook("cvbench", "beartype.beartype(conf=beartype.BeartypeConf(is_pep484_tower=True))")

settings.register_profile("patient", deadline=None)
settings.load_profile("patient")
