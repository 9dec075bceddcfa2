"""The pictures that are sent, read once and sent as they are."""

from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageOps, UnidentifiedImageError

DEFAULT_FOLDER = Path(__file__).parents[2] / "tests" / "data"


class NoPictures(ValueError):
    """There is nothing to send; the message says why in one sentence."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A file, and the size of what it shows, upright by its EXIF orientation."""

    name: str
    data: bytes
    media_type: str
    width: int
    height: int


def load_pictures(place: Path = DEFAULT_FOLDER) -> list[Picture]:
    """A file, or all pictures in a folder and the folders in it, by name; other files are passed over.

    Raises:
        NoPictures: there are none.
    """
    pictures = []
    for path in [place] if place.is_file() else sorted(place.rglob("*")):
        try:
            with Image.open(path) as image:
                media_type = image.get_format_mimetype() or "application/octet-stream"
                width, height = ImageOps.exif_transpose(image).size
        except (OSError, UnidentifiedImageError):
            continue
        pictures.append(Picture(path.name, path.read_bytes(), media_type, width, height))
    if not pictures:
        raise NoPictures(f"{place} holds no pictures.")
    return pictures
