"""Dead letters: what was refused or parked, read from the queue, shown, sent again or dropped."""
