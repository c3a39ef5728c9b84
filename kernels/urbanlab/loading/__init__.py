"""Tables and files of an analyst, made ready for the warehouse: read, understood, reported, written."""
