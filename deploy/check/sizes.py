"""What an image weighs, and what in it does."""

import json

from deploy.check.engine import Docker

_SHOWN_BYTES = 1_000_000
_SHOWN_PACKAGES = 5
_SHOWN_CHARACTERS = 80
_PACKAGES = """
import importlib.metadata, json
sizes = {}
for each in importlib.metadata.distributions():
    paths = map(each.locate_file, each.files or ())
    sizes[each.name] = sum(path.stat().st_size for path in paths if path.is_file())
print(json.dumps(sizes))
"""


def weighed(docker: Docker, image: str, *, base: str) -> str:
    """Its size and the base's, its layers of a megabyte and more, and the largest Python packages in it."""
    total, of_base = (int(docker("image", "inspect", "--format", "{{.Size}}", name)) for name in (image, base))
    lines = [f"{total / 1e6:.0f} MB, of which {of_base / 1e6:.0f} MB are the base's"]
    form = "{{.Size}}\t{{.CreatedBy}}"
    for layer in docker("history", "--no-trunc", "--human=false", "--format", form, image).splitlines():
        size, _, made_by = layer.partition("\t")
        if int(size) >= _SHOWN_BYTES:
            step = " ".join(made_by.removeprefix("/bin/sh -c").replace("#(nop)", "").split()) or "an archive"
            lines.append(_line(int(size), f"layer    {step[:_SHOWN_CHARACTERS]}"))
    within = docker("run", "--rm", "--network", "none", "--entrypoint", "python", image, "-c", _PACKAGES)
    sizes: dict[str, int] = json.loads(within)
    largest = sorted(sizes, key=lambda name: -sizes[name])[:_SHOWN_PACKAGES]
    return "\n".join(lines + [_line(sizes[name], f"package  {name}") for name in largest])


def _line(size_bytes: int, what: str) -> str:
    return f"{size_bytes / 1e6:12.0f} MB  {what}"
