"""What people did with what was said, and what is made of it: rates, a tuned gate, alarms."""
