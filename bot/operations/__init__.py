"""What whoever runs the server looks at: logs, metrics, and what is amiss."""
