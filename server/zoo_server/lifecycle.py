"""The life of the versions while the server runs: found, loaded, warmed up, swapped in, and let go.

A new version takes calls only once every function of it has run at every bucket. What is called holds its version
itself: a version that is swapped out is gone from the repository at once, and its memory is freed when the last call
that began with it has ended, for TensorFlow keeps no loaded SavedModel that nobody refers to.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

from zoo_server import incidents
from zoo_server.call_error import CallError
from zoo_server.config import SettingError
from zoo_server.engine.engine import Engine
from zoo_server.repository.model import FailedModel, LoadedModel, LoadingModel, UnloadedModel, load
from zoo_server.repository.repository import Repository
from zoo_server.repository.scan import ModelFolder, Scanner

_log = logging.getLogger(__name__)


class Lifecycle:
    """Keeps a repository as its folder is. Everything but `load` runs on the event loop.

    SavedModels are loaded on a thread of their own: TensorFlow builds graphs on any thread, and runs others meanwhile.
    What it computes, warming up included, is the scheduler's.
    """

    def __init__(
        self,
        repository: Repository,
        engine: Engine,
        poll_seconds: float,
        on_change: Callable[[], None],
    ) -> None:
        """`on_change` is called whenever the state of a version may have changed; a poll of 0 s is none."""
        self._repository = repository
        self._engine = engine
        self._poll_seconds = poll_seconds
        self._on_change = on_change
        self._loader = ThreadPoolExecutor(1, thread_name_prefix="loader")
        self._polling: asyncio.Task[None] | None = None
        self._starting = True

    async def start(self) -> None:
        """Load and warm up what the repository is to have, then watch the folder. The engine must have been started.

        Raises SettingError for a max_bucket that does not suit a model. Cancelled, it ends at once, whatever the loader
        and the scheduler are at.
        """
        for model in list(self._repository.loaded()):
            self._check_buckets(model)
        for model in list(self._repository.loaded()):
            warmed = await self._warmed(model)
            if isinstance(warmed, FailedModel):
                self._repository.put(warmed)
        if any(self._repository.shelf(name).missing() for name in self._repository.names):
            await self.poll()  # In the place of what failed comes the next highest.
        self._on_change()
        self._starting = False
        if self._poll_seconds and self._repository.scanner:
            self._polling = asyncio.create_task(self._poll_for_ever())

    async def stop(self) -> None:
        """Load nothing more. A SavedModel that is being read is read to its end: `close` waits for it."""
        if self._polling:
            self._polling.cancel()
            with suppress(asyncio.CancelledError):
                await self._polling
        self._loader.shutdown(wait=False, cancel_futures=True)

    async def close(self) -> None:
        """Returns when the loader thread has ended, after `stop`."""
        await asyncio.to_thread(self._loader.shutdown)

    async def _poll_for_ever(self) -> None:
        while True:
            await asyncio.sleep(self._poll_seconds)
            try:
                await self.poll()
            except CallError:  # SHUTTING_DOWN
                return
            except Exception as error:  # noqa: BLE001 (no mistake may end the watch)
                incidents.report("the poll of the models' folder failed", error)

    async def poll(self) -> None:
        """Compare the repository with its folder: load what has come, then let go what has gone or is surplus."""
        scanner = self._repository.scanner
        if scanner is None:
            return
        found = await self._scan(scanner)
        if found is None:
            return
        if self._has_vanished(found):
            _log.warning(
                "the models' folder is empty, as that of a share that is not mounted: all stays as it is. Restart "
                "the server to serve no models"
            )
            return
        for name, folder in found.items():
            self._repository.note(name, folder)
        self._on_change()
        await self._load_all_missing(found)
        # Only now, so that a version that takes the place of another has done so.
        self._let_go(found)
        self._on_change()

    async def _scan(self, scanner: Scanner) -> Mapping[str, ModelFolder] | None:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._loader, scanner.scan)
        except OSError as error:  # A share that is away for a while: what is loaded serves on.
            _log.warning("the models' folder cannot be read, and all stays as it is: %s", error)
            return None

    def _has_vanished(self, found: Mapping[str, ModelFolder]) -> bool:
        """Operators take models away one by one; all at once they go with the share that they are on."""
        return not found and bool(self._repository.names)

    async def _load_all_missing(self, found: Mapping[str, ModelFolder]) -> None:
        """Of each model, one after the other on the loader thread, while those before them are warmed up."""
        try:
            async with asyncio.TaskGroup() as models:
                for name, folder in found.items():
                    models.create_task(self._load_missing(name, folder))
        except ExceptionGroup as failed:
            raise failed.exceptions[0] from None

    async def _load_missing(self, name: str, folder: ModelFolder) -> None:
        shelf = self._repository.shelf(name)
        tried: set[int] = set()
        while untried := [number for number in shelf.missing() if number not in tried]:
            number = untried[0]
            tried.add(number)
            self._repository.put(LoadingModel(name, number))
            loop = asyncio.get_running_loop()
            loaded = await loop.run_in_executor(self._loader, load, folder.path / str(number))
            if isinstance(loaded, LoadedModel):
                loaded = await self._warmed(loaded)
            if isinstance(loaded, FailedModel) and loaded.incomplete and not self._starting:
                # A copy in progress looks like this too. It has failed once its files are the same at the next poll.
                # A server that starts does not wait for it, and takes the next highest version.
                self._repository.put(LoadingModel(name, number, loaded.why))
            else:
                self._repository.put(loaded)
            del loaded  # The repository has it, and alone says how long.
            self._on_change()

    async def _warmed(self, model: LoadedModel) -> LoadedModel | FailedModel:
        began = time.monotonic()
        try:
            self._check_buckets(model)
        except SettingError as error:
            if self._starting:
                raise
            return FailedModel(model.name, model.number, f"the server's {error}")
        try:
            await self._engine.warm_up(model)
        except CallError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever a stranger's graph raises, the others serve
            return FailedModel(model.name, model.number, f"it fails when it is run: {type(error).__name__}")
        seconds = time.monotonic() - began
        _log.info("model %s version %d warm in %.1f s", model.name, model.number, seconds)
        return model

    def _check_buckets(self, model: LoadedModel) -> None:
        for program in model.programs.values():
            try:
                self._engine.buckets(program)
            except ValueError as error:
                raise SettingError(f"max_bucket of model {model.name!r}: {error}, of its card") from error

    def _let_go(self, found: Mapping[str, ModelFolder]) -> None:
        for name in self._repository.names:
            there = found[name].versions if name in found else {}
            for version in self._repository.versions(name):
                if version.number not in there:
                    self._repository.remove(name, version.number)
                    _log.info("model %s version %d has left the folder: unloaded", name, version.number)
        for name in self._repository.names:
            for number in self._repository.shelf(name).surplus():
                self._repository.put(UnloadedModel(name, number))
                _log.info("model %s version %d is not to be kept: unloaded", name, number)
