"""What the tests run the authority with: real Postgres, real Valkey, real server processes."""
