"""Interactive views: a place in the queue, then a session of the runner, carried to one visitor."""
