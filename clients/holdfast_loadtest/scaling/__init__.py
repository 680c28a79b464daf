"""What more of everything costs: processes, segments, and demand over several of them."""
