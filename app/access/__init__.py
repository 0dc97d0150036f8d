"""Who may do what: organisations, persons and service accounts, their roles, and the API keys that speak for them."""
