"""What runs in the servers' own environment; nothing of the project's environment can be imported here."""
