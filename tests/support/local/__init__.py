"""AWS's side on the desk: the real template on an embedded AWS, and the story that `make run` tells with it."""
