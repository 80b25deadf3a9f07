"""Where a long training stands, on disk, so that it can go on after a crash."""

import time
from pathlib import Path

from embeddings.files import read_tensors, write_tensors

# Seconds between checkpoints within an epoch.
INTERVAL = 60


class Checkpoint:
    """A file that holds the state of a training; written whole or not at all.

    Parameters
    ----------
    path : path or None
        None: nothing is kept.
    fingerprint : dict
        What the state belongs to; a file of another training is refused.
    """

    def __init__(self, path, fingerprint):
        self.path = None if path is None else Path(path)
        self.fingerprint = fingerprint
        self._written = time.monotonic()

    def read(self):
        """``tensors`` and ``values`` as they were written, or None if there is no file.

        Raises
        ------
        ValueError
            If the file is damaged or belongs to another training.
        """
        if self.path is None or not self.path.exists():
            return None
        tensors, metadata = read_tensors(self.path)
        if metadata.get("fingerprint") != self.fingerprint:
            raise ValueError(
                f"the checkpoint {str(self.path)!r} belongs to a training with other parameters or another corpus; "
                "remove it to begin anew"
            )
        return tensors, metadata["values"]

    def write_if_due(self, state):
        """Write ``state()`` if the last time is long ago."""
        if self.path is not None and time.monotonic() - self._written >= INTERVAL:
            self.write(state)

    def write(self, state):
        """Write ``state()``, a pair of tensors and values."""
        if self.path is not None:
            tensors, values = state()
            write_tensors(self.path, tensors, {"fingerprint": self.fingerprint, "values": values})
            self._written = time.monotonic()

    def remove(self):
        """The training is complete."""
        if self.path is not None:
            self.path.unlink(missing_ok=True)
