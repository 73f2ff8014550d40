"""The OpenCV FR cloud API."""
