"""A review in the shapes that people and programs read on stdout."""
