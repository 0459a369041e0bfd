"""Parts of `benchmarks.blast`."""
