"""The backup service behind the API: its table, its lists, its words, its limits."""
