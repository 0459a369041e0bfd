"""Terraform: state files and what `terraform show -json` prints of a plan or state."""
