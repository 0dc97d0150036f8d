"""The change feed: events in order, up to a horizon, as each caller may see them."""
