"""Engineering missions: orders of days, the consortium's members and allotments, assigned consultants."""
