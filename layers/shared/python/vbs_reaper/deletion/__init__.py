"""What becomes of one delete request: values in, decisions out; the world only through `ports`."""
