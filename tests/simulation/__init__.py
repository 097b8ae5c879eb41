"""Runs the real deleter and purger under random faults on a virtual clock, and checks what they do."""
