"""YAML that somebody edits and that is no catalog: settings, a stack's file. A catalog is read by `catalog.reading`, which says more."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from catalog.errors import UserError
from catalog.problems import printable


def load(file: Path) -> Any:  # noqa: ANN401  # any YAML
    """What the file holds, by the rules of YAML 1.1. Raises `UserError` where it is none, and OSError."""
    try:
        return yaml.safe_load(file.read_text(encoding="utf-8"))
    except UnicodeDecodeError as error:
        raise UserError(f"{file}: is not UTF-8 text (byte {error.start}): save it as UTF-8") from error
    except yaml.YAMLError as error:
        raise UserError(f"{file}: not YAML: {printable(' '.join(str(error).split()))}") from error
    except RecursionError as error:
        raise UserError(f"{file}: not YAML that anybody reads: a value is nested hundreds deep") from error
