"""Ingest: from Kafka into the warehouse, each record once by its key; what cannot be mapped is set aside."""
