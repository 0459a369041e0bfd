"""Formats of outside time commitments, and checking them offline."""
