"""Use case: check one target and report whether requests for it can succeed."""
