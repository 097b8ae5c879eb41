"""One suite of what the cloud answers, held against the simulator and against real Keystone and Cinder."""
