"""Published test vectors, recognised by their form and run against this package's own code."""
