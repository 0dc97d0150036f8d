"""How the days are followed: what counts by a day, the forecast, the burn-down, timesheets. It writes nothing."""
