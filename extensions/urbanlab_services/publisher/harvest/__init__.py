"""What harvesters such as GovData's get: a catalogue of the open data by DCAT-AP.de."""
