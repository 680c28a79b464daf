"""The streams that connectors live on: what changed, told to those who watch. Knows revisions, and no store."""
