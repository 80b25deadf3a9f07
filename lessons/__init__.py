"""The lessons: percent scripts that are notebooks too, their runner, and their exercises."""
