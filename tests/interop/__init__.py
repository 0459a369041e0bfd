"""What others' programs say of our logs and witnesses, and ours of theirs: real programs, on loopback."""
