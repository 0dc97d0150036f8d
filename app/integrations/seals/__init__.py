"""Seals of the event trail: a digest of each range of events, chained, so that a later change of one is found."""
