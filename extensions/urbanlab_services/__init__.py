"""The services beside the hub: one process for each sub-package."""
