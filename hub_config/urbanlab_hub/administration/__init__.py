"""The page at the hub by which a tenant's administrator runs the own tenant, and sees nothing of another's."""
