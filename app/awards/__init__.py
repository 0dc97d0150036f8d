"""Awards: what grants and advances have in common. Who decides, who pays, and when an award has ended."""
