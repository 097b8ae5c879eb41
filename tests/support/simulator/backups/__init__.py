"""The backup service behind the APIs: its table of backups, its lists, error responses and rate limits."""
