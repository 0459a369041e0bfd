"""What runs as a deployment of Ray Serve: the ingress, and the prediction models."""
