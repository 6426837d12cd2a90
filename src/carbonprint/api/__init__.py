"""carbonprint from Python: measure a block, run a command, and the objects they give."""
