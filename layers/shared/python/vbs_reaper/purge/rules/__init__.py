"""What a policy decides on a backup: whether it is selected, which rule keeps it, what needs it and when it is due."""
