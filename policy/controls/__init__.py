"""Frameworks, their controls, and which policy serves which control."""
