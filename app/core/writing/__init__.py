"""The one door by which every write leaves: idempotency, events, the strict reading of bodies and files."""
