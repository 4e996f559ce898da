"""Retraining: one durable run, its record, when it is due, and who is told."""
