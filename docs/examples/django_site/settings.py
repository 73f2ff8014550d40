"""No more than it takes; what matters for pictures is at the end."""

import os

SECRET_KEY = os.environ.get("DJANGO_SECRET_KEY", "for development only")
ALLOWED_HOSTS = ["127.0.0.1", "localhost"]
ROOT_URLCONF = "django_site.urls"
MIDDLEWARE = ["django_site.faces.FacegateErrors"]

# Pictures stay in memory, and off the disk.
FILE_UPLOAD_HANDLERS = ["django.core.files.uploadhandler.MemoryFileUploadHandler"]
FILE_UPLOAD_MAX_MEMORY_SIZE = 40 * 1024 * 1024
