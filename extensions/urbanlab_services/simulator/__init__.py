"""The simulator: a believable city that sends through Kafka like real sensors would."""
