"""Scoring of prediction files that other programs wrote."""
