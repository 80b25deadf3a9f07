"""Hot loops: arrays and scalars in, arrays out. One file per algorithm, the same rooms in every file."""
