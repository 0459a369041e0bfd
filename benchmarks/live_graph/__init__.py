"""What the benchmark of live graphs is measured on."""
