"""Backups of a whole installation while it is in use, and installations made from them."""
