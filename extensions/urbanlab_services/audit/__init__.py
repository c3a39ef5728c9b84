"""The audit log: the one writer, and what it keeps."""
