"""The gradient of rows that were looked up: each is added to its row of the table.

    dW[x_i] += dy_i          for every i with x_i ≠ padding; a row that was looked up twice gets both

======= ============= ========== ==========================================
symbol  variable      shape      what it is
======= ============= ========== ==========================================
dW      table         (V, d)     gradient of the table, added to in place
x       rows          (n,) int   which rows were looked up
dy      grads         (n, d)     gradient of what was looked up
        padding       int        the row that stays as it is; -1: none
======= ============= ========== ==========================================
"""

import functools

import numpy as np

from kernels.compile import compiled

THREADS = 128


def add_to_rows_numpy(table, rows, grads, padding):
    """Add each row of `grads` to its row of `table`.

    Examples
    --------
    >>> table = np.zeros((3, 1))
    >>> add_to_rows_numpy(table, np.array([1, 1, 2, 0]), np.array([[1.0], [2.0], [5.0], [9.0]]), 0)
    >>> table.tolist()
    [[0.0], [3.0], [5.0]]
    """
    real = rows != padding
    np.add.at(table, rows[real], grads[real])


@compiled
def add_to_rows_cpu(table, rows, grads, padding):
    """Compiled :func:`add_to_rows_numpy`."""
    for i in range(rows.shape[0]):
        if rows[i] != padding:
            row, grad = table[rows[i]], grads[i]
            for k in range(row.shape[0]):
                row[k] += grad[k]


@functools.cache
def _cuda_kernel():
    global cuda  # Numba's simulator looks for it among the globals
    from numba import cuda

    @cuda.jit
    def add_to_rows(table, rows, grads, padding):
        place = cuda.grid(1)
        i, k = place // table.shape[1], place % table.shape[1]
        if i < rows.shape[0] and rows[i] != padding:
            cuda.atomic.add(table, (rows[i], k), grads[i, k])

    return add_to_rows


def add_to_rows_cuda(table, rows, grads, padding):
    """:func:`add_to_rows_numpy` on a GPU, one thread for each number added."""
    if grads.size:
        _cuda_kernel()[-(-grads.size // THREADS), THREADS](table, rows, grads, padding)


IMPLEMENTATIONS = {"numpy": add_to_rows_numpy, "cpu": add_to_rows_cpu, "cuda": add_to_rows_cuda}
