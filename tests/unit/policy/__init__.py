"""Tests of policies and their evaluation."""
