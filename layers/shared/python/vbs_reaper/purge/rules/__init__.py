"""What becomes of each backup: is the policy about it, which rule keeps it, what needs it, when is it due."""
