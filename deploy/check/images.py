"""The images that the deployment stands on: pulled, or where no registry can be reached made of Debian's packages.

A stand-in bears the name of the image that it stands for and is made anew for each engine that the check starts. It
shows that the files of this project work with that program, not that they work with that image.
"""

import shutil
import sys
from collections.abc import Callable
from pathlib import Path

from deploy.check.engine import CheckFailed, Docker, run

_BASE = "convoy-check-debian"
_LIBRARIES = (
    "ca-certificates,libbz2-1.0,libexpat1,libffi8,liblzma5,libncursesw6,libreadline8,libsqlite3-0,libssl3,libuuid1,"
    "netbase,tzdata,zlib1g,haproxy"
)
_PULL_S = 300.0
_DEBIAN_S = 900.0
_BUILD_S = 600.0
_OWN_CERTIFICATES = Path("/usr/local/share/ca-certificates")


def provide(docker: Docker, names: list[str], folder: Path, made: list[str]) -> dict[str, str]:
    """Make sure that the engine has every image; how it came by each: there, pulled or stand-in.

    What it did not have before is added to `made`.

    Raises:
        CheckFailed: one can be had in no way.
    """
    found = {}
    reachable = True
    for name in names:
        if docker.succeeds("image", "inspect", name):
            found[name] = "there"
        elif reachable and docker.succeeds("pull", "--quiet", name, timeout_s=_PULL_S):
            found[name] = "pulled"
            made.append(name)
        elif docker.started_here and (recipe := _RECIPES.get(name.split(":")[0])):
            reachable = False
            _make_base(docker, folder)
            recipe(docker, name, folder)
            found[name] = "stand-in"
            made.append(name)
        else:
            raise CheckFailed(f"The image {name} cannot be pulled, and nothing can stand in for it.")
    return found


def _make_base(docker: Docker, folder: Path) -> None:
    if docker.succeeds("image", "inspect", _BASE):
        return
    archive = folder / "debian.tar"
    command = ["mmdebstrap", "--quiet", "--variant=minbase", f"--include={_LIBRARIES}", "bookworm", str(archive)]
    run(command, {}, timeout_s=_DEBIAN_S)
    docker("import", str(archive), _BASE, timeout_s=_BUILD_S)
    archive.unlink()


def _python(docker: Docker, name: str, folder: Path) -> None:
    """The interpreter that runs the check, with its standard library, in the place where Python's images have it."""
    context = _context(folder, "python")
    prefix = Path(sys.base_prefix)
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    ignored = shutil.ignore_patterns("site-packages", "test", "tests", "__pycache__", "*.a", "*.so.*.debug")
    for part in ("bin", "lib"):
        source = prefix / part
        target = context / "prefix" / part
        target.mkdir(parents=True)
        names = [version] if part == "bin" else [version, *(each.name for each in source.glob("libpython3*"))]
        for each in names:
            if (source / each).is_dir():
                shutil.copytree(source / each, target / each, ignore=ignored, symlinks=True)
            elif (source / each).exists():
                shutil.copy2(source / each, target / each)
    certificates = context / "certificates"
    certificates.mkdir()
    for certificate in _OWN_CERTIFICATES.glob("*.crt"):
        shutil.copy(certificate, certificates)
    lines = (
        f"FROM {_BASE}",
        # A company's own authority, without which pip reaches no registry from here.
        f"COPY certificates {_OWN_CERTIFICATES}",
        "RUN update-ca-certificates",
        "ENV PIP_CERT=/etc/ssl/certs/ca-certificates.crt",
        "COPY prefix /usr/local",
        f"RUN ldconfig && {version} -m ensurepip && ln -sf {version} /usr/local/bin/python",
    )
    _build(docker, name, context, lines)


def _haproxy(docker: Docker, name: str, folder: Path) -> None:
    lines = (
        f"FROM {_BASE}",
        "USER haproxy",
        'ENTRYPOINT ["haproxy", "-W", "-db", "-f", "/usr/local/etc/haproxy/haproxy.cfg"]',
    )
    _build(docker, name, _context(folder, "haproxy"), lines)


def _prometheus(docker: Docker, name: str, folder: Path) -> None:
    _one_program(docker, name, folder, "prometheus", state="/prometheus")


def _alertmanager(docker: Docker, name: str, folder: Path) -> None:
    _one_program(docker, name, folder, "prometheus-alertmanager", state="/alertmanager")


def _one_program(docker: Docker, name: str, folder: Path, program: str, *, state: str) -> None:
    """A program of this machine that needs no library but the C one, and is named as its package in Debian."""
    found = shutil.which(program)
    if found is None:
        raise CheckFailed(f"{program} is not installed; Debian has a package of that name.")
    context = _context(folder, program)
    shutil.copy(found, context / program)
    # Debian keeps what the program's makers put into the program in files of their own.
    templates = Path("/usr/share/prometheus/alertmanager")
    (context / "templates").mkdir()
    for template in templates.glob("*.tmpl"):
        shutil.copy(template, context / "templates")
    lines = (
        f"FROM {_BASE}",
        f"COPY {program} /bin/{program}",
        f"COPY templates {templates}",
        f"RUN mkdir {state} && chown nobody {state}",
        "USER nobody",
        f"VOLUME {state}",
        f'ENTRYPOINT ["/bin/{program}"]',
    )
    _build(docker, name, context, lines)


def _build(docker: Docker, name: str, context: Path, lines: tuple[str, ...]) -> None:
    (context / "Dockerfile").write_text("\n".join(lines) + "\n")
    docker("build", "--quiet", "--tag", name, str(context), timeout_s=_BUILD_S)
    shutil.rmtree(context)


def _context(folder: Path, name: str) -> Path:
    context = folder / f"context-{name}"
    context.mkdir()
    return context


_RECIPES: dict[str, Callable[[Docker, str, Path], None]] = {
    "python": _python,
    "haproxy": _haproxy,
    "prom/prometheus": _prometheus,
    "prom/alertmanager": _alertmanager,
}
