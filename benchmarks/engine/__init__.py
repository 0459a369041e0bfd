"""Parts of `python -m benchmarks.policy`: estates to judge, other engines, sizes and changes."""
