"""The commands of `rebond`: a file a kind, each function one command; `app/cli.py` puts them together."""
