"""The console: a page in the browser on which people watch, review and verify.

Three kinds of static files that show what the native API answers, and nothing of any other host.
"""
