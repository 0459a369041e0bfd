"""Actors as plain classes, without Ray."""
