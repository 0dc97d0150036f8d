"""Invoices of members on certificates of service: numbered, sealed, sent as Factur-X, followed until they are paid."""
