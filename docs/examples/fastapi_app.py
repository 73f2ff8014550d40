"""Verify faces in a FastAPI service: ``uvicorn fastapi_app:app``.

The configuration is ``facegate.toml`` here, or the file that ``FACEGATE_CONFIG`` names.
"""

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Annotated, Any

from fastapi import Depends, FastAPI, Header, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import Base64Bytes, BaseModel

import facegate
from facegate import AsyncFaceVerifier, FacegateError, RateLimited, VerificationResult


async def the_verifier(request: Request) -> AsyncFaceVerifier:
    verifier: AsyncFaceVerifier = request.state.verifier
    return verifier


class Selfie(BaseModel):
    """Pictures are base64: an uploaded file would be written to disk while it arrives."""

    probe: Base64Bytes
    document: Base64Bytes
    customer: str


def create_app(opening: Callable[[], AsyncFaceVerifier] = facegate.open_async) -> FastAPI:
    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncGenerator[dict[str, Any]]:
        async with opening() as verifier:  # closed once the last request has been answered
            yield {"verifier": verifier}

    app = FastAPI(lifespan=lifespan)

    @app.post("/verify")
    async def verify(
        selfie: Selfie,
        response: Response,
        verifier: Annotated[AsyncFaceVerifier, Depends(the_verifier)],
        x_request_id: Annotated[str | None, Header()] = None,
    ) -> VerificationResult:
        result = await verifier.compare_live(
            selfie.probe,
            selfie.document,
            subject=selfie.customer,
            request_id=x_request_id,
        )
        response.headers["X-Request-Id"] = result.request_id
        return result

    @app.get("/healthz")
    async def healthz(
        verifier: Annotated[AsyncFaceVerifier, Depends(the_verifier)],
    ) -> dict[str, Any]:
        """Asks nobody: a vendor that is down is no reason to restart this process."""
        return {"status": "ok", "operations": sorted(verifier.capabilities)}

    @app.exception_handler(FacegateError)
    async def failed(_: Request, error: FacegateError) -> JSONResponse:
        headers = {"X-Request-Id": error.request_id} if error.request_id else {}
        if isinstance(error, RateLimited) and error.retry_after is not None:
            headers["Retry-After"] = f"{error.retry_after:.0f}"
        return JSONResponse({"error": error.as_dict()}, error.http_status, headers)

    @app.exception_handler(RequestValidationError)
    async def unreadable(_: Request, error: RequestValidationError) -> JSONResponse:
        """FastAPI's own reply would repeat what was sent, and that is a face."""
        found = [{"where": each["loc"], "what": each["msg"]} for each in error.errors()]
        return JSONResponse({"error": found}, 422)

    return app


app = create_app()
