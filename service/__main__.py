"""Starts the service: checks what can be checked before the port opens, then hands over to BentoML."""

import os
import socket
import sys
import tempfile
from pathlib import Path

from service.settings import PREFIX, InvalidSettings, Settings, misspelled_names, settings_page


def main() -> None:
    """Start, or print the page of settings with `--settings`."""
    if sys.argv[1:] == ["--settings"]:
        sys.stdout.write(settings_page())
        return
    if sys.argv[1:]:
        sys.exit("usage: python -m service [--settings]; settings are CONVOY_ variables, see docs/settings.md")
    for sentence in misspelled_names(dict(os.environ)):
        sys.stderr.write(f"convoy: {sentence}\n")
    try:
        settings = Settings.from_environment()
        settings.check_repository()
        _check_port(settings)
        provider = _working_provider(settings)
        home = _home(settings)
    except InvalidSettings as error:
        sys.exit(f"convoy: {error}")
    shown = f"[{settings.host}]" if ":" in settings.host else settings.host
    sys.stderr.write(f"convoy: http://{shown}:{settings.port} ({provider}), documentation at /docs\n")
    sys.stderr.flush()
    environment = {
        **os.environ,
        f"{PREFIX}PROVIDER": provider,
        "BENTOML_HOME": os.environ.get("BENTOML_HOME") or str(home),
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
    home = Path(tempfile.gettempdir()) / f"convoy-{os.getuid()}-{address}-{settings.port}"
    home.mkdir(mode=0o700, exist_ok=True)
    if home.stat().st_uid != os.getuid():
        raise InvalidSettings(f"{home} belongs to somebody else; set BENTOML_HOME to a folder of yours.")
    return home


def _check_port(settings: Settings) -> None:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host, settings.port))
        except OSError as error:
            raise InvalidSettings(
                f"{PREFIX}HOST={settings.host} and {PREFIX}PORT={settings.port} cannot work: {error.strerror}."
            ) from None


def _working_provider(settings: Settings) -> str:
    from service.inference.session import ProviderUnavailable, resolve_provider

    try:
        return resolve_provider(settings.provider)
    except ProviderUnavailable as error:
        raise InvalidSettings(f"{PREFIX}PROVIDER={settings.provider} cannot work: {error}") from None


if __name__ == "__main__":
    main()
