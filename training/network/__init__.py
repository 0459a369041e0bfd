"""The graph neural network while it learns; torch is here alone. What it learned is served by `training.forward`."""
