"""The public portal: serves released pages from files, and executes nothing."""
