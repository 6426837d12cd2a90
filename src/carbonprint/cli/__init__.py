"""The command line: one module a command; each parses, calls the library and prints."""

from __future__ import annotations


def main() -> None:
    """Run the command line."""
    from carbonprint.cli.root import root

    root(prog_name="carbonprint")
