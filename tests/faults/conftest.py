"""What the tests of injected faults share."""

collect_ignore = ["injected"]
"""Only processes under injection import it: it puts stub cells in the place of real ones."""
