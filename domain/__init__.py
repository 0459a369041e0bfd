"""The vocabulary every other package speaks: types, errors, ids, time. Standard library only."""
