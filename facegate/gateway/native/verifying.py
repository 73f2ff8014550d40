"""The verification of the journal's chain, told while it goes on."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Literal

from anyio import CapacityLimiter
from anyio.from_thread import check_cancelled
from anyio.from_thread import run as in_loop
from anyio.to_thread import run_sync
from pydantic import BaseModel

from facegate.errors import ConfigurationError, JournalUnavailable
from facegate.gateway.native.endpoint import Write
from facegate.journal.chain import Head
from facegate.journal.verification import ChainVerification

if TYPE_CHECKING:
    from facegate.journal.journal import Journal

_EVERY = 10_000
"""Records between two lines."""


class Verification(BaseModel):
    """A verification as far as it has come; the last line says how it ended.

    Attributes:
        state: ``running``, ``done``, or ``failed`` where the database did.
        done: records that were checked.
        of: records that there are.
        proves: what a chain that holds is proof of.
        problems: what is wrong, a sentence each.
        head: number and hash of the last record.
    """

    state: Literal["running", "done", "failed"] = "running"
    done: int = 0
    of: int = 0
    proves: str | None = None
    problems: list[str] = []
    head: str | None = None


async def verification(
    journal: Journal, expected: Head | None, limiter: CapacityLimiter, write: Write
) -> None:
    """Verify a journal, and write a line of JSON for every ten thousand records.

    Args:
        journal: the journal.
        expected: a head that was written down elsewhere.
        limiter: bounds how many do so at once.
        write: sends some bytes.
    """

    async def tell(line: Verification) -> None:
        await write(line.model_dump_json().encode() + b"\n")

    def told(done: int, of: int) -> None:
        check_cancelled()  # raises in here where nobody listens any more
        if not done % _EVERY:
            in_loop(tell, Verification(done=done, of=of))

    try:
        found = await run_sync(partial(journal.verify, expected, told), limiter=limiter)
    except (JournalUnavailable, ConfigurationError) as error:
        await tell(Verification(state="failed", problems=[error.message]))
    else:
        await tell(_ended(found))


def _ended(found: ChainVerification) -> Verification:
    return Verification(
        state="done",
        done=found.records,
        of=found.records,
        proves=found.proves,
        problems=list(found.problems),
        head=str(found.head),
    )
