"""Reads the file `credentials.csv` that Open Telekom Cloud and Huawei Cloud offer when an access key is created."""

import csv
from typing import Final

from vbs_reaper.cli.files import BYTE_ORDER_MARK
from vbs_reaper.errors import CommandError

_COLUMNS: Final = ("User Name", "Access Key Id", "Secret Access Key")
_FORM: Final = "give the file as it was downloaded: " + ",".join(_COLUMNS) + ", and one line with one key"


def is_key_file(text: str) -> bool:
    """Whether the text begins with a column name of such a file. AWS has files with similar columns."""
    first = text.removeprefix(BYTE_ORDER_MARK).partition("\n")[0]
    return first.strip().replace('"', "").casefold().startswith(("user name,", "access key id,"))


def read_key_file(text: str) -> dict[str, str]:
    """Return access key and secret key as the variables of an openrc.

    Raises:
        CommandError: the file has other columns, or not exactly one key. Quotes none of its values.
    """
    try:
        rows = [row for row in csv.reader(text.removeprefix(BYTE_ORDER_MARK).splitlines(), strict=True) if row]
    except csv.Error:
        raise CommandError(f"the key file is not valid CSV; {_FORM}") from None
    if not rows or tuple(rows[0]) != _COLUMNS:
        raise CommandError(f"the key file has other columns; {_FORM}")
    if len(rows) != 2 or len(rows[1]) != len(_COLUMNS):
        raise CommandError(f"the key file does not have one key; {_FORM}")
    _, access_key, secret_key = rows[1]
    return {"OS_ACCESS_KEY": access_key, "OS_SECRET_KEY": secret_key}
