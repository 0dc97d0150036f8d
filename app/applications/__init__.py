"""Aid files (*dossiers d'aide*): what a firm asks for a project, until the file is ready to be decided."""
