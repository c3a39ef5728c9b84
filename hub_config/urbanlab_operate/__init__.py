"""The command `urbanlab`: what runs at the operator's hand."""
