"""What fails on a Ray cluster of several nodes, under load. All drills have one cluster, and most have one platform."""
