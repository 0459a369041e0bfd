"""Baselines: what infrastructure as code declares, read from its own files into native shape."""
