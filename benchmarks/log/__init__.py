"""What the evidence log is measured beside: limits of the machine, and peers that keep the same entries."""
