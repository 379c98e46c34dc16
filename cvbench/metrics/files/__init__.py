"""Scoring predictions of models that never ran here, from the files that other programs write."""
