"""The Alès demonstration, loaded through the same services as the API."""
