"""Does a ledger that has grown slow its authority down? One that has grown is measured beside one that is empty."""
