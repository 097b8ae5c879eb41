"""The queue, the bus, the secrets, the metrics: every AWS service in one file each."""
