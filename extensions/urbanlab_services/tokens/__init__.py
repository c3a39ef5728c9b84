"""The tokens service: a hub token in, a short-lived credential for the warehouse or for Kafka out."""
