"""Real Keystone and Cinder on this machine: set up in an environment of their own, started, steered and stopped."""
