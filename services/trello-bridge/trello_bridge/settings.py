"""One TOML file, and the credentials from the environment. Faults are reported all at once, in one line."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

KEY_ENV = "TRELLO_KEY"
TOKEN_ENV = "TRELLO_TOKEN"


class SettingsError(Exception):
    pass


def _standard_intake() -> dict[str, str]:
    return {"INBOX": "RequirementsDefinition"}


@dataclass(frozen=True)
class Settings:
    board: str                                  # id or short link
    base_url: str = "https://api.trello.com"
    orchestrator: str = "127.0.0.1:50054"
    health: str = ""                            # address for /livez and /readyz; empty: none
    interval: float = 10.0                      # seconds between two looks at the board
    # Cards of these lists become tasks, beginning in this workflow state.
    intake: Mapping[str, str] = field(default_factory=_standard_intake)
    until_state: str = ""                       # the workflow ends after it; empty: at its end
    stack: str = ""                             # for cards without a label stack:NAME
    done: str = "DONE"                          # list of what succeeded
    failed: str = ""                            # list of what died or was cancelled; empty: the card stays
    approvers: tuple[str, ...] = ()             # user names whose comments approve; empty: every member of the board
    key: str = field(default="", repr=False)
    token: str = field(default="", repr=False)


def read(path: Path, environment: Mapping[str, str] = os.environ) -> Settings:
    try:
        values: dict[str, Any] = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise SettingsError(f"{path}: {error.strerror}") from error
    except ValueError as error:
        raise SettingsError(f"{path}: " + " ".join(str(error).split())) from error
    known = {f.name: f for f in fields(Settings)}
    faults = [f"{path}: unknown setting {name}" for name in values if name not in known or name in ("key", "token")]
    faults += [f"{path}: {name}: must be {kind}" for name, value in values.items() if (kind := _fault(name, value))]
    if not values.get("board"):
        faults.append(f"{path}: board: is missing")
    faults += [f"{name} is not set" for name in (KEY_ENV, TOKEN_ENV) if not environment.get(name)]
    if faults:
        raise SettingsError("; ".join(faults))
    if "approvers" in values:
        values["approvers"] = tuple(values["approvers"])
    return Settings(**values, key=environment[KEY_ENV], token=environment[TOKEN_ENV])


def _fault(name: str, value: Any) -> str:
    if name == "interval":
        return "" if isinstance(value, int | float) and 0.05 <= value <= 3600 else "seconds, 0.05 to 3600"
    if name == "intake":
        return "" if isinstance(value, dict) and all(isinstance(v, str) for v in value.values()) else "list name = workflow state"
    if name == "health":
        port = value.rpartition(":")[2] if isinstance(value, str) else ""
        return "" if value == "" or (port.isdigit() and int(port) <= 65535 and ":" in value) else "host:port"
    if name == "approvers":
        return "" if isinstance(value, list) and all(isinstance(v, str) for v in value) else "a list of user names"
    return "" if isinstance(value, str) else "a text"
