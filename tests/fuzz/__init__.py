"""Hostile bytes for every reader: a few thousand with each test run, ten million with `make fuzz`."""
