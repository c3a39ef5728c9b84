"""From a notebook to a public page: submissions, releases, refreshes, and what data is open."""
