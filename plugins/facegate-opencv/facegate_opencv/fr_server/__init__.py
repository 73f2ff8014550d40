"""The OpenCV FR Server, which its user hosts."""
