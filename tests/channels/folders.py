"""What a person who opens a folder sees."""

from pathlib import Path


def names(folder: Path) -> list[str]:
    """The names of everything in `folder`."""
    return sorted(path.name for path in folder.iterdir())


def file_names(folder: Path) -> list[str]:
    """The names of the files in `folder`."""
    return sorted(path.name for path in folder.iterdir() if path.is_file())


def contents(folder: Path) -> dict[str, bytes]:
    """Each file of `folder` with its content."""
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def files_below(folder: Path) -> list[Path]:
    """Every file in `folder` and its folders."""
    return [path for path in folder.rglob("*") if path.is_file()]


def rename(source: Path, target: Path) -> None:
    """Rename, as a person would."""
    source.rename(target)
