"""Real Keystone and Cinder on this machine, in their own virtual environment."""
