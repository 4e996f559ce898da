"""What is done about a delivery: durable jobs, their steps, and what the door missed."""
