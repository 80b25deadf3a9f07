"""Things to learn from: English that is on every machine, a planted toy world, pictures, clips, and downloads."""

from embeddings.datasets.clips import MovingShapes, film, moving_shapes, pan
from embeddings.datasets.corpus import documentation
from embeddings.datasets.downloads import download
from embeddings.datasets.pictures import images
from embeddings.datasets.shapes import shapes
from embeddings.datasets.world import ToyWorld, toy_world

__all__ = [
    "MovingShapes",
    "ToyWorld",
    "documentation",
    "download",
    "film",
    "images",
    "moving_shapes",
    "pan",
    "shapes",
    "toy_world",
]
