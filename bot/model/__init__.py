"""The model behind a wall: a child process without secrets, and what it loads."""
