"""Letters about an aid: the notification of its decision, and its agreement, each drawn up from the data and sealed."""
