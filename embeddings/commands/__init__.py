"""The commands of ``python -m embeddings``: one file each, with ``add_arguments(parser)`` and ``run(arguments)``."""
