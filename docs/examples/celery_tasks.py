"""Verify faces in a Celery worker: ``celery -A celery_tasks worker``."""

import os
from pathlib import Path
from typing import Any

from celery import Celery
from celery.signals import worker_process_shutdown, worker_shutdown

import facegate
from facegate import InputError

PICTURES = Path(os.environ.get("PICTURES", "pictures"))

app = Celery("faces", broker=os.environ.get("BROKER_URL"), backend=os.environ.get("RESULT_URL"))

verifier = facegate.open()  # before the workers are forked: each opens its own connections


@worker_process_shutdown.connect
@worker_shutdown.connect
def close(**_: Any) -> None:
    verifier.close()


@app.task(bind=True)
def verify(task: Any, probe: str, document: str, customer: str) -> dict[str, Any]:
    """Takes the names of pictures, and gives no scores: both end up in the broker and in logs.

    Nothing is retried here. Retries and whoever steps in are facegate's, within one deadline; a
    task that Celery delivered again would be one more that the vendor bills.
    """
    try:
        result = verifier.compare_live(
            PICTURES / Path(probe).name,
            PICTURES / Path(document).name,
            subject=customer,
            request_id=task.request.id,
        )
    except InputError as error:  # for the person to mend; any other error fails the task
        return {"error": error.as_dict()}
    return result.model_dump(mode="json", include={"decision", "provider", "request_id"})
