"""Interactive views: who may have a session now, who waits, and who has left."""
