"""What can be proved: a Merkle log over two trees, proofs, checkpoints, offline verification."""
