"""A plan as a page: what goes and why, what stays, how far back one could still go. Same plan, same bytes."""
