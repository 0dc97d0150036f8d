"""One question over what a territory has: its firms, contacts, projects, auditions and awards."""
