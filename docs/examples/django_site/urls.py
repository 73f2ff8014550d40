"""Where the views are."""

from django.urls import path

from django_site import faces

urlpatterns = [path("verify", faces.verify), path("healthz", faces.healthz)]
