"""Chance against the real deleter: seeded faults on a virtual clock, judged by who has not read the product."""
