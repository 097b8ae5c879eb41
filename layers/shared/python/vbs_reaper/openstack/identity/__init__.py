"""Logging in at Keystone: one attempt, what its answer means, and where the catalogue says the service is."""
