"""Instruction/response data of other domains: where it lies, and the shapes it comes in."""
