"""The engineering mission as it is worked: time entries, and the follow-up of the days."""
