"""The backup service and its Keystone: targets, answers, and the calls that produce them."""
