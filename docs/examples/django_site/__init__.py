"""Verify faces in a Django site: ``gunicorn --preload django_site.wsgi``."""
