"""The operator's commands: an extra of the package, not in the Lambda layer."""
