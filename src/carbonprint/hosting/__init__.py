"""Hosts: what a datacenter says of itself, what of it is evidenced, and what follows for one kWh of IT."""
