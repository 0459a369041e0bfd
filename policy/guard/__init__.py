"""AWS CloudFormation Guard: its rule language, and which of its rules hold of a document."""
