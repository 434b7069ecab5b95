import traceback

import views
from django.http import HttpResponse
from django.urls import path

urlpatterns = [
    path("login", views.log_in),
    path("logout", views.log_out),
    path("user", views.user),
    path("password", views.password),
    path("cart", views.cart),
    path("session", views.session),
    path("expiry", views.expiry),
    path("messages", views.flash),
    path("form", views.form),
    path("slow", views.slow),
]


def handler500(request):
    """Says to the test what happened."""
    return HttpResponse(traceback.format_exc(), content_type="text/plain", status=500)
