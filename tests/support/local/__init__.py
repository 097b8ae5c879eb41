"""The local stack: the template deployed to an emulator of AWS, and the scenario that `make run` plays on it."""
