"""Keeps a worker's catalog in step with the repository: loads what is new, drops what is gone, survives what is bad."""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Generic

from service.repository.artifact import InvalidArtifact
from service.repository.catalog import Catalog, Entry, Loaded
from service.repository.folder import Published, Scan, scan
from service.repository.peers import NoPeers, Peers, Standing

_AGREEING_S = 0.01
_PATIENCE_S = 60.0

log = logging.getLogger("convoy.repository")


class Repository(Generic[Loaded]):
    """A watched model repository; `catalog` is replaced whole by one assignment, so readers need no lock."""

    def __init__(
        self,
        root: Path,
        load: Callable[[Published], Loaded],
        *,
        interval_s: float,
        versions_kept: int,
        peers: Peers | None = None,
        on_change: Callable[[Catalog[Loaded]], None] = lambda catalog: None,
    ) -> None:
        self.catalog: Catalog[Loaded] = Catalog()
        self.started = False
        """Whether this worker and every other one has once had all its models ready or failed. It stays so: a model
        that is published later loads beside those that answer."""
        self._root = root
        self._load = load
        self._interval_s = interval_s
        self._versions_kept = versions_kept
        self._peers: Peers = peers or NoPeers()
        self._on_change = on_change
        self._told_ready = False
        self._held_back: dict[str, float] = {}  # model -> when its new version began to wait for the peers
        self._complained_of: dict[str, str] = {}
        self._stop = threading.Event()
        self._looked = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="repository", daemon=True)

    def start(self) -> None:
        """Begin to watch.

        The first load happens in the background, so that whoever starts this need not wait for all of it; but where a
        peer serves already (this worker replaces a dead one), it happens here, before any request is accepted.
        """
        serving = [peer for peer in self._peers.others() if peer.ready]
        if serving:
            self.refresh()
            self._answer_like(serving)
        else:
            self._peers.tell(ready=False, offers={})
        self._thread.start()

    def wait_for_first_look(self, within_s: float) -> None:
        """Wait until all that was there at the start is loaded or has failed, but no longer than this."""
        self._looked.wait(within_s)

    def stop(self) -> None:
        """Stop watching; the loaded models stay usable."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(timeout=5)

    def refresh(self) -> None:
        """Look at the folder once and load, keep or drop accordingly. Never raises for what it finds there."""
        try:
            found = scan(self._root)
        except OSError as error:
            self._complain({"the repository": error.strerror or str(error)})
            if not self.catalog.scanned:
                self._replace(replace(self.catalog, scanned=True))
            self._settle()
            return
        self._complain({f"the folder of model {name!r}": reason for name, reason in found.unreadable.items()})
        entries, to_load = self._compare(found)
        if entries != self.catalog.entries or not self.catalog.scanned:
            self._replace(replace(self.catalog, entries=entries, scanned=True))
        for item in to_load:
            if self._stop.is_set():
                return
            if self._enough_above(item):
                self._drop(item)
            else:
                self._take_in(item)
        self._settle()

    def _watch(self) -> None:
        look = not self.catalog.scanned
        while True:
            try:
                if look:
                    self.refresh()
                else:
                    self._settle()
                # Looks fall on the same instants in every worker, so that they see a new version together.
                pause_s = self._interval_s - time.time() % self._interval_s
                look = (self.started and not self._held_back) or pause_s <= _AGREEING_S
                if not look:
                    pause_s = _AGREEING_S  # agreeing does not wait for the next look, nor keep it from coming
            except Exception:  # a full disk, for one, must not end the watch
                log.exception("looking at the repository failed")
                look, pause_s = True, self._interval_s
            self._looked.set()
            if self._stop.wait(pause_s):
                return

    def _complain(self, troubles: dict[str, str]) -> None:
        """Log what is new, not the same at every look."""
        for what, reason in troubles.items():
            if self._complained_of.get(what) != reason:
                log.error("%s cannot be read, what is in memory goes on serving: %s", what, reason)
        for what in self._complained_of.keys() - troubles.keys():
            log.info("%s can be read again", what)
        self._complained_of = troubles

    def _compare(self, found: Scan) -> tuple[dict[tuple[str, int], Entry[Loaded]], list[Published]]:
        """The entries that stay (new ones as loading), and what has to be loaded, newest version first."""
        known = self.catalog.entries
        entries = {key: entry for key, entry in known.items() if key[0] in found.unreadable}
        to_load = []
        loaded: dict[str, int] = {}
        for key in sorted(found.published, key=lambda key: (key[0], -key[1])):
            name, item, entry = key[0], found.published[key], known.get(key)
            if name in found.unreadable or loaded.get(name, 0) >= self._versions_kept:
                continue
            # One that is still loading here was left behind by a look that failed.
            if entry is not None and entry.published == item and entry.state != "loading":
                entries[key] = entry
                loaded[name] = loaded.get(name, 0) + (entry.model is not None)
            else:
                # What answers now goes on answering while its replacement loads.
                entries[key] = Entry(published=item, state="loading", model=entry.model if entry else None)
                to_load.append(item)
        return entries, to_load

    def _enough_above(self, item: Published) -> bool:
        newer = [e for e in self.catalog.versions(item.name) if e.model is not None and e.key[1] > item.version]
        return len(newer) >= self._versions_kept

    def _drop(self, item: Published) -> None:
        entries = {key: entry for key, entry in self.catalog.entries.items() if entry.published != item}
        self._replace(replace(self.catalog, entries=entries))

    def _take_in(self, item: Published) -> None:
        key = (item.name, item.version)
        before = self.catalog.entries[key].model
        try:
            entry = Entry(published=item, state="ready", model=self._load(item))
        except InvalidArtifact as error:
            entry = Entry(published=item, state="failed", reason=str(error), model=before)
        except Exception as error:  # a bad file may fail in any way, and must take nothing else with it
            log.exception("loading %s version %d failed", *key)
            reason = f"{type(error).__name__} while loading."
            entry = Entry(published=item, state="failed", reason=reason, model=before)
        if entry.state == "failed":
            log.error("%s version %d failed to load: %s", *key, entry.reason)
        else:
            log.info("%s version %d is loaded", *key)
        self._replace(replace(self.catalog, entries={**self.catalog.entries, key: entry}))

    def _settle(self) -> None:
        """Let new versions answer, in agreement with the peers, and tell them how this worker stands."""
        newest = _newest_loaded(self.catalog)
        settled = self.started or self.catalog.settled()
        self._peers.tell(ready=settled, offers=newest)
        self._told_ready = settled
        self.ask_peers()
        others = self._peers.others()
        current = dict(self.catalog.current)
        for name, version in newest.items():
            awaited = any(peer.offers.get(name, version) < version for peer in others)
            if current[name] < version and awaited and self._waited_s(name) < _PATIENCE_S:
                continue
            self._held_back.pop(name, None)
            current[name] = version
        self._held_back = {name: since for name, since in self._held_back.items() if name in newest}
        if current != self.catalog.current:
            self._replace(replace(self.catalog, current=current))

    def ask_peers(self) -> None:
        """See whether all workers have said that they are ready.

        A probe asks too, else one worker could say so to it while another has not yet looked. Once all have been
        ready, a worker that comes later loads before it accepts: no need to ask again.
        """
        if self._told_ready and not self.started:
            self.started = all(peer.ready for peer in self._peers.others())

    def _answer_like(self, peers: list[Standing]) -> None:
        """Begin with the versions that every peer can answer with, for a caller may have several of us in turn."""
        current = dict(self.catalog.current)
        for name in current:
            shared = min((peer.offers[name] for peer in peers if name in peer.offers), default=current[name])
            entry = self.catalog.entries.get((name, shared))
            if entry is not None and entry.model is not None:
                current[name] = shared
        self._replace(replace(self.catalog, current=current))

    def _waited_s(self, name: str) -> float:
        return time.monotonic() - self._held_back.setdefault(name, time.monotonic())

    def _replace(self, catalog: Catalog[Loaded]) -> None:
        """Put a snapshot in place; a model without an answering version gets its newest one at once."""
        current = {}
        for name, version in _newest_loaded(catalog).items():
            entry = catalog.entries.get((name, catalog.current.get(name, 0)))
            current[name] = entry.key[1] if entry is not None and entry.model is not None else version
        self.catalog = replace(catalog, current=current)
        self._on_change(self.catalog)


def _newest_loaded(catalog: Catalog[Loaded]) -> dict[str, int]:
    return {name: version for (name, version), entry in sorted(catalog.entries.items()) if entry.model is not None}
