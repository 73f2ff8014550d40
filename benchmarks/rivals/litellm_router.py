"""LiteLLM's Router over providers that answer, or fail, at once.

Runs in the rival's private environment; requests and answers are lines of JSON. The Router is set
up to do as little as it can: no retries, no callbacks, nothing logged, no search for secrets in
what is not logged, no pre-call checks, its price list from its own package; and a provider of one's
own, which costs it less than its mock does.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import sys
import time
from importlib import import_module
from importlib.metadata import version
from typing import Any

SETTINGS = {
    "LITELLM_DISABLE_REDACT_SECRETS": "true",
    "LITELLM_LOCAL_MODEL_COST_MAP": "true",
    "LITELLM_LOG": "ERROR",
    "LITELLM_MODE": "PRODUCTION",
    "MAXIMUM_TRACEBACK_LINES_TO_LOG": "0",
}
QUESTION = [{"role": "user", "content": "Is it the same person?"}]
WARM_UP = 30


def routers() -> dict[str, Any]:
    """The first provider answers; fails every time; is left alone because it failed."""
    litellm: Any = import_module("litellm")
    litellm.suppress_debug_info = True

    class Stub(litellm.CustomLLM):  # type: ignore[misc]
        def completion(self, model: str, *_: Any, **__: Any) -> Any:
            if model == "down":
                raise litellm.ServiceUnavailableError("closed for the day", "stub", model)
            message = {"role": "assistant", "content": "yes"}
            return litellm.ModelResponse(choices=[{"message": message}])

        async def acompletion(self, *arguments: Any, **named: Any) -> Any:
            return self.completion(*arguments, **named)

    litellm.custom_provider_map = [{"provider": "stub", "custom_handler": Stub()}]

    def router(first: str, **settings: Any) -> Any:
        models = {"main": f"stub/{first}", "backup": "stub/up"}
        return litellm.Router(
            model_list=[
                {"model_name": name, "litellm_params": {"model": model}}
                for name, model in models.items()
            ],
            fallbacks=[{"main": ["backup"]}],
            num_retries=0,
            **settings,
        )

    return {
        "answers": router("up", disable_cooldowns=True),
        "fails": router("down", disable_cooldowns=True),
        "left alone": router("down", allowed_fails=0, cooldown_time=3600),
    }


def timed(router: Any, way: str, count: int) -> list[float]:
    """Seconds of each call."""
    clock, seconds = time.perf_counter, []
    if way == "sync":
        for _ in range(count):
            started = clock()
            reply = router.completion(model="main", messages=QUESTION)
            seconds.append(clock() - started)
            assert reply.choices[0].message.content == "yes"  # noqa: S101
        return seconds

    async def run() -> None:
        for _ in range(count):
            started = clock()
            reply = await router.acompletion(model="main", messages=QUESTION)
            seconds.append(clock() - started)
            assert reply.choices[0].message.content == "yes"  # noqa: S101

    loop.run_until_complete(run())
    return seconds


loop = asyncio.new_event_loop()


def main() -> None:
    """Answer one request a line until there are no more."""
    replies = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what it prints is not an answer
    os.environ.clear()
    os.environ.update(SETTINGS)
    logging.disable(logging.CRITICAL)
    found = routers()
    for line in sys.stdin:
        request = json.loads(line)
        timed(found[request["first"]], request["way"], WARM_UP)
        started = time.perf_counter()
        seconds = timed(found[request["first"]], request["way"], request["count"])
        reply = {
            "seconds": seconds,
            "whole": time.perf_counter() - started,
            "version": version("litellm"),
        }
        replies.write(json.dumps(reply) + "\n")
        replies.flush()


if __name__ == "__main__":
    main()
