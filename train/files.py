"""Finds the files that people give, packed or not."""

from pathlib import Path

from .truth import Problem

PACKINGS = (".zst", ".gz", ".bz2", "")


def find(folder: Path, *names: str) -> Path | None:
    """The first file of these names that is there: NAME.zst, NAME.gz, NAME.bz2 or NAME itself."""
    places = (folder / (name + packing) for name in names for packing in PACKINGS)
    return next((place for place in places if place.exists()), None)


def need(folder: Path, *names: str, remedy: str) -> Path:
    """What find gives; a Problem if there is none."""
    place = find(folder, *names)
    if place is None:
        others = f", and so are {' and '.join(names[1:])}" if names[1:] else ""
        raise Problem(f"{folder / (names[0] + PACKINGS[0])} is missing{others}, packed (.zst, .gz, .bz2) or not: {remedy}")
    return place


def labels_in(folder: Path) -> list[tuple[str, Path]]:
    """Each NAME of NAME.labels.csv, packed or not, with its file; in the names' order."""
    found = {}
    for packing in reversed(PACKINGS):
        ending = ".labels.csv" + packing
        found |= {place.name.removesuffix(ending): place for place in folder.glob("*" + ending)}
    return sorted(found.items())
