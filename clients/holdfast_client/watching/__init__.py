"""The client's side of a watch: what it tells, what it remembers, and how it goes on after a break."""
