"""What notebooks show: the live tail and the map."""
