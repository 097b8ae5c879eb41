"""The public messages as JSON Schemas in `events/schemas/`, and as the table of events in `events/README.md`.

`python -m tests.infrastructure.schemas --write` writes the schemas. Without `--write` it prints the rows of the table.
"""
