"""What a vendor is: its client, its compatible API, and how plugins are found."""
