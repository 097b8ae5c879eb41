"""Hostile input for every parser: a few thousand inputs in each test run, ten million with `make fuzz`."""
