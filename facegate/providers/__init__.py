"""Vendors, as plugins: the client, the compatible API, and how both are found."""
