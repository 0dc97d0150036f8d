"""The life of an aid: notified, agreed, started, completed, changed, and how it ends before its final amount."""
