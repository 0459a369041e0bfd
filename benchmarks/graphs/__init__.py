"""What the graph benchmarks measure against, and the estates that they measure on."""
