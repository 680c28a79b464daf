"""Requests at random, of every kind, about a trade so small that they meet."""
