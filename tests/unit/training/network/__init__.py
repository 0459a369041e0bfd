"""Tests of the network while it learns; each is left out by name where torch is not installed."""
