"""Measurement × host → footprint: pure numpy, no file, no clock, no screen."""
