"""What the figures in the documents come from; each file is a command with its own --help."""
