"""Faults put into what decides, one at a time: a test must notice each, or it must be shown that none can."""
