"""Calls to a backup service: how they are built, sent, repeated, counted, and how a page of a list is read."""
