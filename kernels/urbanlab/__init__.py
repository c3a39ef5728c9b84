"""What analysts import."""
