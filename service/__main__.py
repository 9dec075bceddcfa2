"""Starts the service: checks what can be checked before the port opens, then hands over to BentoML."""

import os
import sys
import tempfile
from pathlib import Path

from service.address import why_not_listen
from service.settings import PREFIX, InvalidSettings, Settings, misspelled_names, settings_page

_USAGE = "usage: python -m service [--settings]; settings are CONVOY_ variables, see docs/settings.md"


def main() -> None:
    """Start, or print the page of settings with `--settings`."""
    if sys.argv[1:] == ["--settings"]:
        sys.stdout.write(settings_page())
        return
    if sys.argv[1:] in (["-h"], ["--help"]):
        sys.stdout.write(f"{_USAGE}\n")
        return
    if sys.argv[1:]:
        sys.stderr.write(f"{_USAGE}\n")
        sys.exit(2)
    for sentence in misspelled_names(dict(os.environ)):
        sys.stderr.write(f"convoy: {sentence}\n")
    try:
        settings = Settings.from_environment()
        settings.check_repository()
        _check_port(settings)
        provider, told = _working_provider(settings)
        given = os.environ.get("BENTOML_HOME")
        home = _given_home(given) if given else _home(settings)
    except InvalidSettings as error:
        sys.exit(f"convoy: {error}")
    shown = f"[{settings.host}]" if ":" in settings.host else settings.host
    sys.stderr.write(f"convoy: http://{shown}:{settings.port} ({provider}), documentation at /docs\n")
    sys.stderr.flush()
    environment = {
        **os.environ,
        f"{PREFIX}PROVIDER": told,
        "BENTOML_HOME": str(home),
        "BENTOML_DO_NOT_TRACK": "True",
    }
    command = [sys.executable, "-m", "bentoml", "serve", "service.app:Convoy"]
    command += ["--host", settings.host, "--port", str(settings.port)]
    command += ["--timeout-keep-alive", str(settings.keep_alive_s)]
    command += ["--timeout-graceful-shutdown", str(settings.drain_s)]
    command += ["--working-dir", str(Path.cwd())]
    os.execve(sys.executable, command, environment)


def _home(settings: Settings) -> Path:
    """A folder of this service's own: the framework empties the metrics in there at start, and two services must
    not empty each other's. Named after the address, which only one can have, so that restarts leave none behind.
    """
    address = settings.host.replace(":", "-")
    try:
        home = Path(tempfile.gettempdir()) / f"convoy-{os.getuid()}-{address}-{settings.port}"
        home.mkdir(mode=0o700, exist_ok=True)
        if home.stat().st_uid != os.getuid():
            raise InvalidSettings(f"{home} belongs to somebody else; set BENTOML_HOME to a folder of yours.")
    except OSError as error:
        raise InvalidSettings(f"No folder for temporary files can be had: {error.strerror or error}.") from None
    return home


def _given_home(path: str) -> Path:
    try:
        home = Path(path)
        home.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=home):
            return home
    except OSError as error:
        raise InvalidSettings(f"BENTOML_HOME={path} cannot work: {error.strerror or error}.") from None


def _check_port(settings: Settings) -> None:
    reason = why_not_listen(settings.host, settings.port)
    if reason is not None:
        raise InvalidSettings(f"{PREFIX}HOST={settings.host} and {PREFIX}PORT={settings.port} cannot work: {reason}.")


def _working_provider(settings: Settings) -> tuple[str, str]:
    """The one that works, and what the workers are told: that they need not probe others, unless "auto" had to make do
    with a lesser one, which their metrics then show.
    """
    from service.inference.session import ProviderUnavailable, intended_provider, resolve_provider

    try:
        provider = resolve_provider(settings.provider)
    except ProviderUnavailable as error:
        raise InvalidSettings(f"{PREFIX}PROVIDER={settings.provider} cannot work: {error}") from None
    return provider, provider if provider == intended_provider(settings.provider) else settings.provider


if __name__ == "__main__":
    main()
