"""Real servers and outside programs for tests: one module each, installed below `.servers`, found by name.

    python -m tests.servers.install [NAME ...]     installs what is missing (all of them without a name)

A test asks its module for the program and is skipped by name where it is not installed; `.ci/run` installs all of them
first and fails where one cannot be.
"""
