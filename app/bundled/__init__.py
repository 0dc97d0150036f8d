"""The bundled PostgreSQL: started when DATABASE_URL is unset, kept, backed up and restored."""
