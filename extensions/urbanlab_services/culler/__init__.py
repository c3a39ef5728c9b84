"""The culler: ends servers that nobody uses and that have not ended by themselves."""
