"""The cloud's side as a real HTTP server: Keystone, the backup API of Cinder and VBS, faults on demand, a journal."""
