"""The operator's commands. Installed with the extra `console`; not part of the Lambda layer."""
