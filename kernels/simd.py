"""Sixteen float32 lanes, to be used inside compiled loops where LLVM would not keep a sum in registers by itself.

LLVM must assume that two arrays overlap, and then stores and loads a sum again for every term. A sum that is a *value*
has no such trouble::

    s = splat(0.0)
    for j in range(0, x.shape[0], LANES):
        s = fma(load(x, j), load(y, j), s)
    total = add_lanes(s)

Arrays are one-dimensional (use ``x.ravel()`` or ``x.reshape(-1)`` outside the loop), contiguous, float32, and long
enough: nothing is checked. Each function has a plain NumPy form for ``NUMBA_DISABLE_JIT=1``.
"""

import operator

import numpy as np
from llvmlite import ir
from numba import config, types
from numba.core import cgutils
from numba.extending import intrinsic, models, overload, register_model

from kernels.compile import compiled

LANES = 16

_VECTOR = ir.VectorType(ir.FloatType(), LANES)


class _Lanes(types.Type):
    def __init__(self):
        super().__init__("float32x16")


_lanes = _Lanes()


@register_model(_Lanes)
class _LanesModel(models.PrimitiveModel):
    def __init__(self, manager, numba_type):
        super().__init__(manager, numba_type, _VECTOR)


def _pointer(context, builder, array_type, array, index_type, index):
    """Address of ``array[index]`` as lanes; rows are not known to begin at multiples of 64 bytes."""
    data = context.make_array(array_type)(context, builder, array).data
    index = context.cast(builder, index, index_type, types.intp)
    return builder.bitcast(builder.gep(data, [index]), _VECTOR.as_pointer())


@intrinsic
def load(typing_context, array, index):
    """``array[index : index + 16]``."""

    def generate(context, builder, signature, arguments):
        pointer = _pointer(context, builder, signature.args[0], arguments[0], signature.args[1], arguments[1])
        return builder.load(pointer, align=4)

    return _lanes(array, index), generate


@intrinsic
def load_bytes(typing_context, array, index):
    """``array[index : index + 16]`` of int8 as numbers."""

    def generate(context, builder, signature, arguments):
        data = context.make_array(signature.args[0])(context, builder, arguments[0]).data
        index = context.cast(builder, arguments[1], signature.args[1], types.intp)
        kind = ir.VectorType(ir.IntType(8), LANES)
        whole = builder.load(builder.bitcast(builder.gep(data, [index]), kind.as_pointer()), align=1)
        return builder.sitofp(whole, _VECTOR)

    return _lanes(array, index), generate


@intrinsic
def unequal(typing_context, array, index, number):
    """1 where ``array[index : index + 16]``, of whole numbers, is not `number`, and 0 where it is."""

    def generate(context, builder, signature, arguments):
        array, number_type = signature.args[0], signature.args[2]
        data = context.make_array(array)(context, builder, arguments[0]).data
        index = context.cast(builder, arguments[1], signature.args[1], types.intp)
        number = context.cast(builder, arguments[2], number_type, array.dtype)
        kind = ir.VectorType(number.type, LANES)
        whole = builder.load(builder.bitcast(builder.gep(data, [index]), kind.as_pointer()), align=1)
        one = builder.insert_element(ir.Constant(kind, ir.Undefined), number, ir.Constant(ir.IntType(32), 0))
        mask = ir.Constant(ir.VectorType(ir.IntType(32), LANES), [0] * LANES)
        same = builder.shuffle_vector(one, ir.Constant(kind, ir.Undefined), mask)
        return builder.uitofp(builder.icmp_signed("!=", whole, same), _VECTOR)

    return _lanes(array, index, number), generate


@intrinsic
def store(typing_context, array, index, lanes):
    """``array[index : index + 16] = lanes``."""

    def generate(context, builder, signature, arguments):
        pointer = _pointer(context, builder, signature.args[0], arguments[0], signature.args[1], arguments[1])
        builder.store(arguments[2], pointer, align=4)
        return context.get_dummy_value()

    return types.void(array, index, lanes), generate


@intrinsic
def fetch(typing_context, array, index):
    """Ask for ``array[index]``, of any type, ahead of time; an index out of bounds is harmless."""

    def generate(context, builder, signature, arguments):
        pointer = _pointer(context, builder, signature.args[0], arguments[0], signature.args[1], arguments[1])
        kind = ir.IntType(32)
        function = cgutils.get_or_insert_function(
            builder.module,
            ir.FunctionType(ir.VoidType(), [ir.IntType(8).as_pointer(), kind, kind, kind]),
            "llvm.prefetch.p0",
        )
        address = builder.bitcast(pointer, ir.IntType(8).as_pointer())
        # To be read, wanted in all caches, data.
        builder.call(function, [address, kind(0), kind(3), kind(1)])
        return context.get_dummy_value()

    return types.void(array, index), generate


@intrinsic
def splat(typing_context, number):
    """The same number in all lanes."""

    def generate(context, builder, signature, arguments):
        value = context.cast(builder, arguments[0], signature.args[0], types.float32)
        one = builder.insert_element(ir.Constant(_VECTOR, ir.Undefined), value, ir.Constant(ir.IntType(32), 0))
        mask = ir.Constant(ir.VectorType(ir.IntType(32), LANES), [0] * LANES)
        return builder.shuffle_vector(one, ir.Constant(_VECTOR, ir.Undefined), mask)

    return _lanes(number), generate


@intrinsic
def spread(typing_context, array, index):
    """``splat(array[index])``, without the look whether the index is negative that Numba takes."""

    def generate(context, builder, signature, arguments):
        data = context.make_array(signature.args[0])(context, builder, arguments[0]).data
        index = context.cast(builder, arguments[1], signature.args[1], types.intp)
        value = builder.load(builder.gep(data, [index]))
        one = builder.insert_element(ir.Constant(_VECTOR, ir.Undefined), value, ir.Constant(ir.IntType(32), 0))
        mask = ir.Constant(ir.VectorType(ir.IntType(32), LANES), [0] * LANES)
        return builder.shuffle_vector(one, ir.Constant(_VECTOR, ir.Undefined), mask)

    return _lanes(array, index), generate


@intrinsic
def fma(typing_context, a, b, c):
    """``a * b + c``, rounded once.

    Nothing else is ever fused: LLVM would do it here and not there, and the same seed would not give the same bits.
    """

    def generate(context, builder, signature, arguments):
        kind = ir.FunctionType(_VECTOR, [_VECTOR] * 3)
        return builder.call(cgutils.get_or_insert_function(builder.module, kind, "llvm.fma.v16f32"), arguments)

    return _lanes(a, b, c), generate


@intrinsic
def over_square_root(typing_context, a, b):
    """``a / √b``, from the processor's estimate of 1 / √b and a Newton step; relative error below 1e-6."""

    def generate(context, builder, signature, arguments):
        a, b = arguments
        function = cgutils.get_or_insert_function(
            builder.module, ir.FunctionType(_VECTOR, [_VECTOR]), "llvm.sqrt.v16f32"
        )
        flags = ("reassoc", "arcp", "afn", "contract", "nsz")
        return builder.fdiv(a, builder.call(function, [b], fastmath=flags), flags=flags)

    return _lanes(a, b), generate


@intrinsic
def add_lanes(typing_context, lanes):
    """The sum of the sixteen lanes, added up in pairs."""

    def generate(context, builder, signature, arguments):
        value = arguments[0]
        width = LANES
        while width > 1:
            width //= 2
            kind = ir.VectorType(ir.IntType(32), width)
            low = builder.shuffle_vector(value, value, ir.Constant(kind, list(range(width))))
            high = builder.shuffle_vector(value, value, ir.Constant(kind, list(range(width, 2 * width))))
            value = builder.fadd(low, high)
        return builder.extract_element(value, ir.Constant(ir.IntType(32), 0))

    return types.float32(lanes), generate


@intrinsic
def scan_lanes(typing_context, lanes):
    """Running sums: lane i of the result is the sum of the lanes 0 to i."""

    def generate(context, builder, signature, arguments):
        value = arguments[0]
        zeros = ir.Constant(_VECTOR, [0.0] * LANES)
        kind = ir.VectorType(ir.IntType(32), LANES)
        step = 1
        while step < LANES:
            # Lanes moved up by `step`, zeros from below.
            places = [LANES + i if i < step else i - step for i in range(LANES)]
            value = builder.fadd(value, builder.shuffle_vector(value, zeros, ir.Constant(kind, places)))
            step *= 2
        return value

    return _lanes(lanes), generate


@intrinsic
def lanes_at_most(typing_context, lanes, number):
    """Which lanes are at most `number`: sixteen bits, that of the first lane the lowest."""

    def generate(context, builder, signature, arguments):
        value = context.cast(builder, arguments[1], signature.args[1], types.float32)
        one = builder.insert_element(ir.Constant(_VECTOR, ir.Undefined), value, ir.Constant(ir.IntType(32), 0))
        mask = ir.Constant(ir.VectorType(ir.IntType(32), LANES), [0] * LANES)
        numbers = builder.shuffle_vector(one, ir.Constant(_VECTOR, ir.Undefined), mask)
        bits = builder.bitcast(builder.fcmp_ordered("<=", arguments[0], numbers), ir.IntType(LANES))
        return builder.zext(bits, ir.IntType(64))

    return types.int64(lanes, number), generate


@intrinsic
def count_bits(typing_context, bits):
    """How many bits of an int64 are 1."""

    def generate(context, builder, signature, arguments):
        return builder.ctpop(arguments[0])

    return types.int64(types.int64), generate


@intrinsic
def lane_of(typing_context, lanes, index):
    """The number in one lane."""

    def generate(context, builder, signature, arguments):
        index = context.cast(builder, arguments[1], signature.args[1], types.int32)
        return builder.extract_element(arguments[0], index)

    return types.float32(lanes, index), generate


@intrinsic
def transpose(typing_context, rows, index, step, columns, place):
    """``columns[place + 16 * c + r] = rows[index + step * r + c]`` for r, c < 16."""

    def generate(context, builder, signature, arguments):
        def address(i, offset):
            array = signature.args[i]
            data = context.make_array(array)(context, builder, arguments[i]).data
            return builder.bitcast(builder.gep(data, [offset]), _VECTOR.as_pointer())

        index, step, place = (context.cast(builder, arguments[i], signature.args[i], types.intp) for i in (1, 2, 4))
        lanes = []
        for _ in range(LANES):
            lanes.append(builder.load(address(0, index), align=4))
            index = builder.add(index, step)
        # Vectors that lie 8, 4, 2 and 1 apart exchange halves, quarters, eighths and single numbers.
        for width in (8, 4, 2, 1):
            kind = ir.VectorType(ir.IntType(32), LANES)
            low = [i if i & width == 0 else LANES + i - width for i in range(LANES)]
            high = [i + width if i & width == 0 else LANES + i for i in range(LANES)]
            exchanged = list(lanes)
            for r in range(LANES):
                if r & width == 0:
                    a, b = lanes[r], lanes[r + width]
                    exchanged[r] = builder.shuffle_vector(a, b, ir.Constant(kind, low))
                    exchanged[r + width] = builder.shuffle_vector(a, b, ir.Constant(kind, high))
            lanes = exchanged
        for vector in lanes:
            builder.store(vector, address(3, place), align=4)
            place = builder.add(place, ir.Constant(place.type, LANES))
        return context.get_dummy_value()

    return types.void(rows, index, step, columns, place), generate


def _elementwise(symbol, opcode):
    """Lanes may be added, subtracted, multiplied and divided with Python's operators."""

    @intrinsic
    def apply(typing_context, a, b):
        def generate(context, builder, signature, arguments):
            return getattr(builder, opcode)(*arguments)

        return _lanes(a, b), generate

    @overload(symbol)
    def operator_of_lanes(a, b):
        if a is _lanes and b is _lanes:
            return lambda a, b: apply(a, b)


_elementwise(operator.add, "fadd")
_elementwise(operator.sub, "fsub")
_elementwise(operator.mul, "fmul")
_elementwise(operator.truediv, "fdiv")


def _rounded_or_absolute(name):
    """A function of lanes that LLVM has."""

    @intrinsic
    def apply(typing_context, lanes):
        def generate(context, builder, signature, arguments):
            kind = ir.FunctionType(_VECTOR, [_VECTOR])
            return builder.call(cgutils.get_or_insert_function(builder.module, kind, name), arguments)

        return _lanes(lanes), generate

    return apply


rounded = _rounded_or_absolute("llvm.rint.v16f32")
absolute = _rounded_or_absolute("llvm.fabs.v16f32")


@intrinsic
def choose(typing_context, x, a, b):
    """Lane by lane, a where x ≥ 0, else b, and where x is NaN."""

    def generate(context, builder, signature, arguments):
        x, a, b = arguments
        return builder.select(builder.fcmp_ordered(">=", x, ir.Constant(_VECTOR, [0.0] * LANES)), a, b)

    return _lanes(x, a, b), generate


@intrinsic
def power_of_two(typing_context, n):
    """2^n, for whole n from -126 to 127, made of its bits."""

    def generate(context, builder, signature, arguments):
        whole = ir.VectorType(ir.IntType(32), LANES)
        exponent = builder.add(builder.fptosi(arguments[0], whole), ir.Constant(whole, [127] * LANES))
        return builder.bitcast(builder.shl(exponent, ir.Constant(whole, [23] * LANES)), _VECTOR)

    return _lanes(n), generate


@intrinsic
def _float_from_bits(typing_context, bits):
    def generate(context, builder, signature, arguments):
        return builder.bitcast(arguments[0], ir.FloatType())

    return types.float32(types.int32), generate


if config.DISABLE_JIT:
    # Interpreted: lanes are NumPy arrays of sixteen.

    def _from(array, index):
        """The sixteen numbers from one place of the memory on, of which a matrix may be a view."""
        if array.ndim == 1:
            return array[index : index + LANES]
        row, column = divmod(int(index), array.strides[0] // array.itemsize)
        return array[row, column : column + LANES]

    def load(array, index):
        return _from(array, index).copy()

    def unequal(array, index, number):
        return (array[index : index + LANES] != number).astype(np.float32)

    def load_bytes(array, index):
        return _from(array, index).astype(np.float32)

    def store(array, index, lanes):
        _from(array, index)[:] = lanes

    def fetch(array, index):
        pass

    def splat(number):
        return np.full(LANES, number, np.float32)

    def spread(array, index):
        return np.full(LANES, _from(array, index)[0], np.float32)

    def fma(a, b, c):
        return a * b + c

    def over_square_root(a, b):
        return a / np.sqrt(b)

    def add_lanes(lanes):
        return lanes.sum()

    def transpose(rows, index, step, columns, place):
        for r in range(LANES):
            columns[place + r : place + LANES * LANES : LANES] = rows[index + step * r : index + step * r + LANES]

    rounded, absolute, power_of_two = np.rint, np.abs, np.exp2

    def choose(x, a, b):
        return np.where(x >= 0, a, b)

    def scan_lanes(lanes):
        return np.cumsum(lanes)

    def lanes_at_most(lanes, number):
        return int(((lanes <= number) << np.arange(LANES)).sum())

    def count_bits(bits):
        return bits.bit_count()

    def lane_of(lanes, index):
        return lanes[index]

    def _float_from_bits(bits):
        return np.int32(bits).view(np.float32)


@compiled
def lanes_of_zeros(size):
    """``size`` zeros that begin where a pair of cache lines does: lanes across two lines cost two loads."""
    block = np.zeros(size + 2 * LANES, np.float32)
    skip = (-(block.ctypes.data // 4)) % (2 * LANES)
    return block[skip : skip + size]


def rows_of_zeros(n, width):
    """A matrix of zeros, aligned as :func:`lanes_of_zeros`, in huge pages where the system has them.

    NumPy asks for those where it makes an array that is to be filled, compiled code never. Rows are then found with
    fewer look-ups of addresses.
    """
    block = np.empty(n * width + 2 * LANES, np.float32)
    block[:] = 0
    skip = (-(block.ctypes.data // 4)) % (2 * LANES)
    return block[skip : skip + n * width].reshape(n, width)


@compiled
def fetch_row(W, row, P):
    """Ask for a row of a flat matrix ahead of time; the processor brings it while it computes."""
    for d in range(0, P, LANES):
        fetch(W, np.int64(row) * P + d)


@compiled
def fetch_all(block):
    """Ask for a block that another thread has written to, or is about to."""
    for t in range(0, block.shape[0], LANES):
        fetch(block, t)


@compiled
def exp(x):
    """e^x in float32, in plain arithmetic, so that a loop over it fills the lanes.

    e^x = 2^n 2^r with n whole and |r| ≤ 1/2; 2^r is a polynomial, 2^n is made of its bits. Relative error below 1e-6
    for |x| ≤ 87; beyond, the result stays at its value there.
    """
    t = np.float32(1.4426950408889634) * min(max(x, np.float32(-87)), np.float32(87))
    n = np.int32(t + np.float32(150.5)) - np.int32(150)
    r = t - np.float32(n)
    # The series of e^(r ln 2).
    p = np.float32(1.5403530393381608e-4)
    p = p * r + np.float32(1.3333558146428441e-3)
    p = p * r + np.float32(9.618129107628477e-3)
    p = p * r + np.float32(5.550410866482158e-2)
    p = p * r + np.float32(2.402265069591007e-1)
    p = p * r + np.float32(6.931471805599453e-1)
    p = p * r + np.float32(1)
    return p * _float_from_bits((n + np.int32(127)) << np.int32(23))


@compiled
def polynomial(x, a, b, c, d, e, f):
    """a + b x + … + f x⁵."""
    y = fma(splat(f), x, splat(e))
    y = fma(y, x, splat(d))
    y = fma(y, x, splat(c))
    y = fma(y, x, splat(b))
    return fma(y, x, splat(a))


@compiled
def exp_of_lanes(x):
    """As :func:`exp`, for lanes up to 0; below -87, the value there."""
    t = splat(1.4426950408889634) * choose(x + splat(87), x, splat(-87))
    n = rounded(t)
    r = t - n
    # The series of 2^r = e^(r ln 2).
    p = polynomial(r, 1, 6.931471805599453e-1, 2.402265069591007e-1, 5.550410866482158e-2, 9.618129107628477e-3, 0)
    high = fma(splat(1.5403530393381608e-4), r, splat(1.3333558146428441e-3))
    fifth = r * r * (r * r) * r
    return fma(high, fifth, p) * power_of_two(n)


@compiled
def sigmoid_softplus(x):
    """σ(-x) = 1 / (1 + e^x) and log(1 + e^-x) = -log σ(x), lane by lane; errors below 2e-6; NaN stays NaN."""
    e = exp_of_lanes(splat(0) - absolute(x))
    inverse = splat(1) / (splat(1) + e)
    # log(1 + e) for e in [0, 1]: a polynomial fitted to it.
    log = polynomial(e, -0.24499612, 0.17757024, -0.10785368, 0.044214192, -0.0085746762, 0)
    log = fma(fma(fma(log, e, splat(0.33276177)), e, splat(-0.49997449)), e, splat(0.99999981))
    return choose(x, e * inverse, inverse), fma(log, e, choose(x, splat(0), splat(0) - x))
