"""Interactive views: Voilà sessions of released pages, each for one visitor."""
