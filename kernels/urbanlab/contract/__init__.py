"""What the packages agree on: variable names, derived names, records. Standard library only."""
