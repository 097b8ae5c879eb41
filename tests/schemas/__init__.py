"""The public messages as JSON Schemas in `events/schemas/`, and as the table of events in `events/README.md`.

`python -m tests.schemas --write` writes the schemas; `python -m tests.schemas` prints the rows of the table.
"""
