"""The hub: one thread that reads all watched runs, however many viewers each of them has.

Two threads share the work, and no state of theirs is shared:

- the *hub's thread* asks the store what is new, makes each message once, and hands it over;
- the *event loop* knows who watches what, and puts each message into its viewers' mailboxes.

A viewer who joins is registered first and then gets what it lacks up to the last message that was
handed over; every later message lies in its mailbox. So nothing is missed and nothing comes twice.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable

from pages.live.mailbox import Mailbox
from pages.live.reader import Head, Message, RunReader, pulse_of, still_alive
from trainer.database import ChangeWatcher
from trainer.diagnosis.auditing import Audits
from trainer.errors import RunNotFound
from trainer.store import Store

# How often the store is asked whether anything was written: a few µs on SQLite; other databases
# cannot be asked so cheaply.
SQLITE_POLL_SECONDS = 0.015
POLL_SECONDS = 0.1
# Between two messages about one run that tell of another epoch or state, and before one that only
# tells of steps: so what people wait for seldom waits itself, at ten messages a second or fewer.
NEWS_SECONDS = 0.1
STEPS_SECONDS = 0.2
# For each viewer of a run its messages are so far apart: to send one costs some 50 µs, and what the
# server takes a training lacks. From 51 viewers on there are fewer than ten a second.
VIEWER_SECONDS = 0.002
# Up to so many watched runs are read after each write, whoever wrote; of more only those that
# moved, which one look at all the runs with a writer tells.
FEW_FEEDS = 2
LOOK_SECONDS = 0.05
# A queued run moves on when others leave the queue, which is no write of its own.
QUEUE_SECONDS = 0.5
# A viewer hears something at least this often, and a bit earlier than the 5 s it is promised.
HEARTBEAT_SECONDS = 4.5
RETRY_SECONDS = 1.0
# A training is looked at by the diagnosis so often at most; all of them have this share of the
# thread's time, after the points of all.
DIAGNOSIS_SECONDS = 0.5
DIAGNOSIS_SHARE = 0.1
# Close codes of the WebSocket (RFC 6455; from 4000 on they are ours).
SERVICE_RESTART = 1012
UNKNOWN_RUN = 4404

_LOG = logging.getLogger(__name__)


class _Feed:
    """One watched run: the upper part belongs to the event loop, the lower to the hub's thread."""

    def __init__(self, run_id: str) -> None:
        self.run_id = run_id
        self.members: set[Mailbox] = set()
        self.joining = asyncio.Lock()
        self.reader: RunReader | None = None
        self.head: Head | None = None
        self.snapshot: Message | None = None

        self.is_stale = True
        self.may_be_stale = False
        self.read_at = self.told_at = self.told_news_at = time.monotonic()
        self.retry_at = 0.0
        self.diagnosed_at = 0.0

    def pause(self, shortest: float) -> float:
        """Return the seconds between two messages: longer than the shortest for many viewers."""
        return max(shortest, VIEWER_SECONDS * len(self.members))


class Hub:
    """Reads watched runs and tells their viewers. Methods but `start` belong to its event loop.

    Args:
        store: Where the runs are.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._poll_seconds = SQLITE_POLL_SECONDS if store.is_sqlite else POLL_SECONDS
        self._audits = Audits()
        self._feeds: dict[str, _Feed] = {}
        self._polled: set[_Feed] = set()
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._stopping = False
        self._thread = threading.Thread(target=self._poll, name="live-hub", daemon=True)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._watcher: ChangeWatcher | None = None
        self._watch_again_at = 0.0

    def start(self) -> None:
        """Start the thread; call it in the event loop that serves the viewers."""
        self._loop = asyncio.get_running_loop()
        self._thread.start()

    async def stop(self) -> None:
        """Let all viewers go and end the thread."""
        self._stopping = True
        self._wake.set()
        for feed in list(self._feeds.values()):
            self._end(feed, SERVICE_RESTART)
        await asyncio.to_thread(self._thread.join, 10)
        self._audits.close()

    async def join(self, run_id: str, mailbox: Mailbox, token: str | None) -> Message:
        """Register a viewer and return its first message.

        Args:
            run_id: The run to watch.
            mailbox: Where the later messages go.
            token: What the viewer has, from its last message; None if nothing.

        Raises:
            RunNotFound: There is no such run.
        """
        if not (run_id.isascii() and run_id.isalnum()):
            raise RunNotFound(run_id)
        feed = self._feeds.setdefault(run_id, _Feed(run_id))
        feed.members.add(mailbox)
        # One after the other, so that all who come at once share the first one's snapshot.
        async with feed.joining:
            if feed.reader is None:
                feed.reader = await asyncio.to_thread(
                    RunReader, self._store, run_id, audits=self._audits
                )
                feed.head = feed.reader.head
                self._watch(feed)
            head = feed.head
            assert head is not None
            mailbox.reset()
            if token is not None:
                message = await asyncio.to_thread(feed.reader.since, token, head)
                if message is not None:
                    return message
            if feed.snapshot is None or feed.snapshot.head is not head:
                feed.snapshot = await asyncio.to_thread(feed.reader.snapshot, head)
            return feed.snapshot

    def leave(self, run_id: str, mailbox: Mailbox) -> None:
        """Forget a viewer."""
        feed = self._feeds.get(run_id)
        if feed is not None:
            feed.members.discard(mailbox)
            if not feed.members:
                self._forget(feed)

    def _watch(self, feed: _Feed) -> None:
        if feed.reader is not None and feed.reader.head.is_over:
            self._forget(feed)
            return
        with self._lock:
            self._polled.add(feed)
        self._wake.set()

    def _forget(self, feed: _Feed) -> None:
        if self._feeds.get(feed.run_id) is feed:
            del self._feeds[feed.run_id]
        with self._lock:
            self._polled.discard(feed)

    def _deliver(self, feed: _Feed, message: Message) -> None:
        feed.head = message.head
        for mailbox in feed.members:
            mailbox.offer(message)
        if message.head.is_over:
            self._forget(feed)

    def _end(self, feed: _Feed, code: int) -> None:
        self._forget(feed)
        for mailbox in feed.members:
            mailbox.close(code)

    # -- the hub's thread --------------------------------------------------------------------

    def _poll(self) -> None:
        is_unseen = True
        looked_at = diagnosis_at = 0.0
        while not self._stopping:
            with self._lock:
                feeds = list(self._polled)
            is_unseen = self._was_written() or is_unseen
            now = time.monotonic()
            if is_unseen and (len(feeds) <= FEW_FEEDS or now >= looked_at + LOOK_SECONDS):
                is_unseen, looked_at = False, now
                self._mark_stale(feeds)
            for feed in feeds:
                self._tell(feed)
            now = time.monotonic()
            if now >= diagnosis_at:
                diagnosis_at = now + self._diagnose(feeds) / DIAGNOSIS_SHARE
            self._wake.wait(self._poll_seconds if feeds else None)
            self._wake.clear()
        if self._watcher is not None:
            self._watcher.close()

    def _was_written(self) -> bool:
        if self._watcher is None and time.monotonic() < self._watch_again_at:
            return True
        try:
            if self._watcher is None:
                self._watcher = self._store.watch()
            return self._watcher.changed()
        except Exception:
            _LOG.exception("The store cannot be watched; trying again.")
            self._watcher = None
            self._watch_again_at = time.monotonic() + RETRY_SECONDS
            return True

    def _mark_stale(self, feeds: list[_Feed]) -> None:
        pulses = None
        if len(feeds) > FEW_FEEDS:
            try:
                pulses = {run.run_id: pulse_of(run) for run in self._store.active_runs()}
            except Exception:
                _LOG.exception("The store cannot be read; trying again.")
        for feed in feeds:
            feed.may_be_stale = True
            assert feed.reader is not None
            if pulses is None or pulses.get(feed.run_id) != feed.reader.pulse:
                feed.is_stale = True

    def _tell(self, feed: _Feed) -> None:
        reader = feed.reader
        assert reader is not None
        now = time.monotonic()
        message = None
        is_due = feed.is_stale or (feed.may_be_stale and now >= feed.read_at + QUEUE_SECONDS)
        if is_due and now >= feed.retry_at:
            try:
                if reader.has_ended and not reader.has_news():
                    # It is watched on only as there may be more to say of it.
                    feed.read_at = now
                    feed.is_stale = feed.may_be_stale = False
                elif now >= feed.told_at + feed.pause(STEPS_SECONDS) or (
                    now >= feed.told_news_at + feed.pause(NEWS_SECONDS) and reader.has_news()
                ):
                    feed.read_at = now
                    progress = reader.progress
                    message = reader.advance()
                    feed.is_stale = feed.may_be_stale = False
                    if reader.progress != progress:
                        feed.told_news_at = now
            except RunNotFound:
                self._in_loop(self._end, feed, UNKNOWN_RUN)
                return
            except Exception:
                _LOG.exception("The run %s cannot be read; trying again.", feed.run_id)
                feed.retry_at = now + RETRY_SECONDS
        if message is None and now >= feed.told_at + HEARTBEAT_SECONDS:
            message = still_alive(reader.head)
        if message is not None:
            feed.told_at = now
            self._in_loop(self._deliver, feed, message)

    def _diagnose(self, feeds: list[_Feed]) -> float:
        """Diagnose the run whose turn it is; return the seconds that it took."""
        now = time.monotonic()
        due = [
            feed
            for feed in feeds
            if feed.reader is not None
            and feed.reader.wants_diagnosis
            and now >= feed.diagnosed_at + DIAGNOSIS_SECONDS
        ]
        if not due:
            return 0.0
        feed = min(due, key=lambda one: one.diagnosed_at)
        assert feed.reader is not None
        feed.diagnosed_at = now
        message = feed.reader.diagnose()
        if message is not None:
            self._in_loop(self._deliver, feed, message)
        return time.monotonic() - now

    def _in_loop(self, function: Callable[..., None], *arguments: object) -> None:
        assert self._loop is not None
        if not self._stopping:
            self._loop.call_soon_threadsafe(function, *arguments)
