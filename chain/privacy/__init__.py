"""Personal data: committed to in entries, sealed in artifacts, and erased by destroying a key."""
