"""Strict reading of the files that people and machines write: every fault at once, each with its key."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from carbonprint.errors import DocumentError

if TYPE_CHECKING:
    from pydantic import BaseModel


def read_toml(path: Path) -> dict[str, Any]:
    """Read a TOML file.

    Raises:
        DocumentError: If it cannot be read, is not UTF-8, or is not TOML (with line and column).
    """
    try:
        return tomllib.loads(_read_text(path))
    except tomllib.TOMLDecodeError as error:
        raise DocumentError(str(path), [f"this is not TOML: {error}"]) from None


def _read_text(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise DocumentError(str(path), [f"cannot be read: {error.strerror or error}"]) from None
    except UnicodeDecodeError as error:
        raise DocumentError(str(path), [f"is not UTF-8 text (byte {error.start})"]) from None


def validate(model: type[Model], content: dict[str, Any], path: Path) -> Model:
    """Check a document against its model.

    Args:
        model: The pydantic model of the document; it forbids unknown keys.
        content: What was read from the file.
        path: The file, for the message.

    Raises:
        DocumentError: With every fault: key path, what was found, what is allowed.
    """
    raise AssertionError
