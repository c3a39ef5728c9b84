"""What runs in the hub."""
