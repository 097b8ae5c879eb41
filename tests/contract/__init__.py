"""Tests of the responses of a cloud, run with the simulator and with real Keystone and Cinder."""
