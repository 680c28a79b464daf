"""Load on the authority, with a verdict: how fast it decides, next to what the parts under it could do at best.

Nothing here judges by the clock whether the authority is right. Every run ends by checking truth: what was acknowledged
is in the ledger, nothing was oversold and nothing leaked. Only that decides the exit code.
"""
