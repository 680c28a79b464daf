"""Random input of every kind: bytes, messages of the right shape, tokens, files."""
