"""Pairs and a base model -> trained weights: batches, losses, checkpoints, estimates."""
