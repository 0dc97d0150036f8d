"""HTTP: the shell around the application, its routes and how they document themselves, its server."""
