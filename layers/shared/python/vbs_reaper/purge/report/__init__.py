"""A plan as an HTML page: what is deleted and why, what is kept, and the restore points that remain.

The same plan always results in the same bytes.
"""
