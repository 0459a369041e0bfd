"""What exists and how it connects: snapshots, references, blast radius, stores."""
