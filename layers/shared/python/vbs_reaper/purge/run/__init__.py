"""The parts of one run of a purge: its event, its listing, its requests, its result."""
