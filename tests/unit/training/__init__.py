"""Tests of what exists and how it connects."""
