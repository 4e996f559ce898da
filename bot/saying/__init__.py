"""Findings -> words on the right line that can do nothing: placed, cleaned, posted once."""
