"""Shipped facts: tables with a source for every row, and the readers that turn them into values."""
