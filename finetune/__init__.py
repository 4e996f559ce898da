"""Pairs -> adapter: fine-tune, measure, calibrate and register."""
