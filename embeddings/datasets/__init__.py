"""Things to learn from: English that is on every machine, a planted toy world, pictures, and downloads."""

from embeddings.datasets.corpus import documentation
from embeddings.datasets.downloads import download
from embeddings.datasets.pictures import images
from embeddings.datasets.world import ToyWorld, toy_world

__all__ = ["ToyWorld", "documentation", "download", "images", "toy_world"]
