"""Files that an option names: one that cannot be read or written is said with the option, and with what to do."""

from __future__ import annotations

from pathlib import Path

from catalog.errors import UserError
from ops.phases import FULL


def content(option: str, file: Path, remedy: str) -> bytes:
    """What is in the file that ``option`` names. Raises `UserError`."""
    try:
        return file.read_bytes()
    except OSError as error:
        raise UserError(f"{option}: {file} cannot be read: {error.strerror}\n{remedy}") from error


def text(file: Path) -> str:
    """What is in a file of UTF-8 text. Raises `UserError`."""
    try:
        return file.read_text(encoding="utf-8")
    except OSError as error:
        raise UserError(f"{file} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise UserError(f"{file} is not UTF-8 text (byte {error.start}): is it the file that is meant?") from error


def writable(option: str, file: Path) -> None:
    """Before work is done for what is to be written there. Raises `UserError` where it surely cannot be."""
    if not file.parent.is_dir():
        raise UserError(
            f"{option}: {file} cannot be written: {file.parent} is no folder\n"
            f"make it (`mkdir -p {file.parent}`), or name a file in a folder that is there"
        )
    if file.is_dir():
        raise UserError(f"{option}: {file} is a folder\nname a file, as {file / 'FILE'}")


def write(option: str, file: Path, text: str, newline: str | None = None) -> None:
    """Write the file that ``option`` names. Raises `UserError`, and for a full disk OSError, of which more is said elsewhere."""
    writable(option, file)
    try:
        file.write_text(text, encoding="utf-8", newline=newline)
    except OSError as error:
        if error.errno in FULL:
            raise
        raise UserError(
            f"{option}: {file} cannot be written: {error.strerror}\nname a file that you may write to"
        ) from error
