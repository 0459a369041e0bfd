"""Corpora of drift: recorded resources in other shapes, and drift that was planted with known truth."""
