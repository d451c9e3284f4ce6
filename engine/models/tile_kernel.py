"""The innermost product of all compiled kernels: a few rows times 16 columns of a weight.

Columns lie side by side in the lanes of the processor, and every sum goes over the depth in its
order, one fused multiplication and addition after the other. So a row's result is the same to the
bit however many other rows are multiplied with it, and by however many threads.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from llvmlite import ir
from llvmlite.binding import get_host_cpu_features
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from engine.models.kernel_parts import LINE, bent, everywhere, fused, prefetch

LANES = 16  # columns of a panel; a processor with shorter registers takes two or four for them
FULL_ROWS = 6  # times two registers of eight sums each: what a processor with 16 of them holds
LONG_REGISTERS = bool(get_host_cpu_features().get("avx512f"))  # 32 of 16 numbers
FULL_PANELS = 2 if LONG_REGISTERS else 1  # of full tiles
UNROLLED = 4
AHEAD = 1536  # bytes of a panel to fetch before they are needed

FLOAT, BYTE, WORD, LONG = ir.FloatType(), ir.IntType(8), ir.IntType(32), ir.IntType(64)
SUMS = ir.VectorType(FLOAT, LANES)


def _tile_code(  # type: ignore[no-untyped-def]
    context, out, out_at, x, x_at, packed, at, column, base, slope, shape, rows, panels
):
    """`rows` x (`panels` * LANES) places of `out` from `out_at` on.

    `packed` are a weight, scales and biases. For each row and column c: scale[c] * sum of
    x * weight + bias[c], with sums over taps and depth; what is below zero is multiplied by
    `slope`. All arrays are taken as flat: `at` is where the first panel begins, `column` where its
    scales do. `shape` is (out step, row step, taps, tap step, depth, panel step): how far rows are
    apart in `out` and in `x`, how far taps are apart in `x`, and panels in the weight. A panel is
    [taps, depth, LANES] of float32, float16 (as int16) or int8. `rows` and `panels` are constants.
    Unless `base` is None, what it has at the places of `out` is added.

    A weight alone in `packed` means the sums as they are. A seventh number in `shape` is how far
    the rows of a panel are apart where that is not LANES, as where the weight is sound itself.
    """
    if not isinstance(rows, types.IntegerLiteral) or not isinstance(panels, types.IntegerLiteral):
        return None
    signature = types.void(
        out, types.int64, x, types.int64, packed, types.int64, types.int64, base, types.float32,
        shape, rows, panels,
    )  # fmt: skip

    def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        def data(kind: Any, value: Any) -> Any:
            return context.make_array(kind)(context, builder, value).data

        kinds = signature.args
        parts = cgutils.unpack_tuple(builder, arguments[4])
        weight, *columns = (data(k, v) for k, v in zip(kinds[4].types, parts, strict=True))
        tile = _Tile(builder, kinds[4].types[0].dtype, rows.literal_value, panels.literal_value)
        tile.begin(
            data(kinds[2], arguments[2]),
            weight,
            (arguments[3], arguments[5]),
            cgutils.unpack_tuple(builder, arguments[9]),
        )
        tile.multiply()
        place = data(out, arguments[0]), arguments[1]
        if columns:
            above = None if base is types.none else (data(base, arguments[7]), arguments[1])
            tile.finish(above, (*columns, arguments[6]), arguments[8])
        tile.store(place)
        return context.get_dummy_value()

    return signature, generate


class _Tile:
    """Builds the code of one tile."""

    def __init__(self, builder: Any, dtype: Any, rows: int, panels: int) -> None:
        self.builder, self.dtype, self.rows, self.panels = builder, dtype, rows, panels
        self.bytes = dtype.bitwidth // 8

    def begin(self, x: Any, panel: Any, places: Any, shape: Any) -> None:
        """Point to where things are; all sums are zero."""
        b = self.builder
        x_at, panel_at = places
        self.out_step, row_step, self.taps, self.tap_step, self.depth, self.panel_step = shape[:6]
        (self.weight_step,) = shape[6:] or [LONG(LANES)]
        self.is_sound = len(shape) > 6
        self.x = [b.gep(x, [b.add(x_at, b.mul(row_step, LONG(r)))]) for r in range(self.rows)]
        self.weights = [
            b.gep(panel, [b.add(panel_at, b.mul(self.panel_step, LONG(p)))])
            for p in range(self.panels)
        ]
        zero = SUMS([FLOAT(0)] * LANES)
        self.sums = [
            [cgutils.alloca_once_value(b, zero) for _ in range(self.panels)]
            for _ in range(self.rows)
        ]

    def multiply(self) -> None:
        """Add the products of all taps and the whole depth."""
        b = self.builder
        rounds = b.udiv(self.depth, LONG(UNROLLED))
        rest = b.urem(self.depth, LONG(UNROLLED))
        with cgutils.for_range(b, self.taps, intp=LONG) as tap:
            at_x = b.mul(tap.index, self.tap_step)
            at_weight = b.mul(tap.index, self.depth)
            with cgutils.for_range(b, rounds, intp=LONG) as turn:
                first = b.mul(turn.index, LONG(UNROLLED))
                if LONG_REGISTERS and self.rows < FULL_ROWS and not self.is_sound:
                    # a full tile computes for longer than it waits; processors with shorter
                    # registers read faster when they look ahead by themselves alone
                    self._fetch(b.add(at_weight, first))
                for i in range(UNROLLED):
                    c = b.add(first, LONG(i))
                    self._add(b.add(at_x, c), b.add(at_weight, c))
            with cgutils.for_range(b, rest, intp=LONG) as turn:
                c = b.add(b.sub(self.depth, rest), turn.index)
                self._add(b.add(at_x, c), b.add(at_weight, c))

    def finish(self, base: Any, columns: Any, slope: Any) -> None:
        """Scale the sums, add the bias and the base, and bend what is below zero."""
        b = self.builder
        scales, biases, first = columns
        slopes = everywhere(b, slope, SUMS)
        for p in range(self.panels):
            column = b.add(first, LONG(p * LANES))
            scale, bias = (self._vector(b.gep(each, [column])) for each in (scales, biases))
            for r in range(self.rows):
                y = fused(b, b.load(self.sums[r][p]), scale, bias)
                if base is not None:
                    y = b.fadd(y, b.load(self._place(base, r, p), align=4))
                b.store(bent(b, y, slopes), self.sums[r][p])

    def store(self, out: Any) -> None:
        """Put the sums where they belong."""
        for r, panels in enumerate(self.sums):
            for p, total in enumerate(panels):
                self.builder.store(self.builder.load(total), self._place(out, r, p), align=4)

    def _place(self, array: Any, row: int, panel: int) -> Any:
        b = self.builder
        data, first = array
        at = b.add(first, b.add(b.mul(self.out_step, LONG(row)), LONG(panel * LANES)))
        return b.bitcast(b.gep(data, [at]), SUMS.as_pointer())

    def _add(self, at_x: Any, at_weight: Any) -> None:
        b = self.builder
        at = b.mul(at_weight, self.weight_step)
        weights = [self._weight(b.gep(panel, [at])) for panel in self.weights]
        for r in range(self.rows):
            x = everywhere(b, b.load(b.gep(self.x[r], [at_x])), SUMS)
            for p, weight in enumerate(weights):
                place = self.sums[r][p]
                b.store(fused(b, x, weight, b.load(place)), place)

    def _weight(self, pointer: Any) -> Any:
        """LANES weights as float32."""
        b = self.builder
        if self.dtype == types.float32:
            return self._vector(pointer)
        if self.dtype == types.int16:
            return b.fpext(self._vector(pointer, ir.HalfType()), SUMS)
        wide = ir.VectorType(WORD, LANES)
        return b.sitofp(b.sext(self._vector(pointer, BYTE), wide), SUMS)

    def _vector(self, pointer: Any, element: Any = FLOAT) -> Any:
        kind = ir.VectorType(element, LANES)
        pointer = self.builder.bitcast(pointer, kind.as_pointer())
        return self.builder.load(pointer, align=element.width // 8 if element is BYTE else 2)

    def _fetch(self, at_weight: Any) -> None:
        """Let the processor fetch what the next turns will read: behind a panel the next ones."""
        b = self.builder
        at = b.add(b.mul(at_weight, LONG(LANES)), LONG(AHEAD // self.bytes))
        others = b.mul(self.panel_step, LONG(self.panels - 1))
        is_behind = b.icmp_signed(">=", at, self.panel_step)
        at = b.add(at, b.select(is_behind, others, LONG(0)))
        for panel in self.weights:
            begin = b.bitcast(b.gep(panel, [at]), BYTE.as_pointer())
            for line in range(0, UNROLLED * LANES * self.bytes, LINE):
                prefetch(b, b.gep(begin, [LONG(line)]))


multiply_tile: Any = partial(intrinsic, prefer_literal=True)()(_tile_code)
