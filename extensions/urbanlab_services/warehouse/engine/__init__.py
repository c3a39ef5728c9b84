"""The engine: chDB in a process of its own, without secrets and without network."""
