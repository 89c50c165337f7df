"""What a clean-up would find; an example that removes nothing."""

import time
from pathlib import Path


def count(folder: str, days: int) -> dict[str, object]:
    """Return how many files directly in a folder are older than so many days."""
    before = time.time() - days * 86_400
    old = [path for path in Path(folder).iterdir() if path.is_file() and path.stat().st_mtime < before]
    return {"folder": folder, "older_than_days": days, "files": len(old)}
