"""What it adds up to: verdicts, predictions, blast radius and money joined into one scan."""
