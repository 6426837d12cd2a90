"""carbonprint: what one run of an algorithm cost in energy and CO2 at the datacenter that hosts it."""

__version__ = "0.1.0"
