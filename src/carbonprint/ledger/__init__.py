"""The runs that were kept: a SQLite file in the state directory, and records on their way in and out."""
