"""The views. The verifier is the process's own; it serves all threads, and forked workers."""

import atexit
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

import facegate
from facegate import FacegateError, InvalidRequest, RateLimited

verifier = facegate.open()
atexit.register(verifier.close)


@csrf_exempt  # callers are services that bring a key of their own, not browsers
@require_POST
def verify(request: HttpRequest) -> HttpResponse:
    if not {"probe", "document"} <= request.FILES.keys():
        raise InvalidRequest("send two pictures, as probe and as document")
    result = verifier.compare_live(
        request.FILES["probe"],
        request.FILES["document"],
        subject=request.POST.get("customer"),
        request_id=request.headers.get("X-Request-Id"),
    )
    reply = JsonResponse(result.model_dump(mode="json"))
    reply["X-Request-Id"] = result.request_id
    return reply


def healthz(request: HttpRequest) -> HttpResponse:
    """Asks nobody: a vendor that is down is no reason to restart this process."""
    return JsonResponse({"status": "ok", "operations": sorted(verifier.capabilities)})


class FacegateErrors:
    """Answers for every view: the error's own status, and what it says as data."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        if not isinstance(error, FacegateError):
            return None
        reply = JsonResponse({"error": error.as_dict()}, status=error.http_status)
        if error.request_id:
            reply["X-Request-Id"] = error.request_id
        if isinstance(error, RateLimited) and error.retry_after is not None:
            reply["Retry-After"] = f"{error.retry_after:.0f}"
        return reply
