"""A simulated cloud on a real HTTP server: Keystone, the backup APIs of Cinder, VBS and CBR, faults, and a journal."""
