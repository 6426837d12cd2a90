"""Emission factors, energy mixes, grids and contracts, as gCO2e/kWh with their kind and source."""
