"""What the product says and hears, as JSON Schemas in `events/schemas/` and as the README's event catalogue.

`python -m tests.schemas --write` makes the files anew; `python -m tests.schemas` prints the catalogue's rows.
"""
