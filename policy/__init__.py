"""What should be true: definitions, compilers, evaluation over columns, exemptions, packs."""
