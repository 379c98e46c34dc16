"""Datasets, their annotations and their images; downloads and archives."""
