"""The command `dead-letters`: lists refused and parked requests, sends them again or drops them."""
