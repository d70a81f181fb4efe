"""IngestFile: a file on the server's own disk."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

FILE_BYTES_MAX = 64 << 20


class Unreadable(Exception):
    pass


def triples_of_file(path: Path, triple_class: Any) -> Iterator[Any]:
    """CSV with a header: the first column names the subject, each other column a predicate. Other types are refused."""
    try:
        with path.open("rb") as file:
            text = file.read(FILE_BYTES_MAX).decode("utf-8")
    except (OSError, ValueError) as error:
        raise Unreadable(f'Failed to read file: "{path}"') from error
    extension = path.suffix.removeprefix(".")
    if extension != "csv":
        raise Unreadable(f"Unsupported file type: {extension}")
    rows = csv.reader(io.StringIO(text))
    header = next(rows, [])
    return (
        triple_class(subject=row[0], predicate=name, object=value)
        for row in rows
        for name, value in zip(header[1:], row[1:], strict=False)
        if row and value
    )
