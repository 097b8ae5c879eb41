"""What is shipped, looked at by other people's tools: known faults of it, its own code, forgotten secrets."""
