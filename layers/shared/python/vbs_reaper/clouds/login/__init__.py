"""Logs in to a target and finds the address of its backup service."""
