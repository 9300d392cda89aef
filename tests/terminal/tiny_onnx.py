"""An ONNX network of our own, written byte by byte: the mean of each channel, times a matrix.

Small enough to calculate by hand what it must give, so that order, mean and scale of its input can be told apart.
The field numbers are those of onnx/onnx.proto.
"""

import struct

import numpy as np
from numpy.typing import NDArray


def tiny_onnx(matrix: NDArray[np.float32], *, input_px: int = 112) -> bytes:
    """Return a network that answers (1, 3, input_px, input_px) with `matrix`, (dimension, 3), times channel means."""
    dimension = len(matrix)
    graph = b"".join(
        [
            _message(1, _node("GlobalAveragePool", ["data"], "pooled")),
            _message(1, _node("Flatten", ["pooled"], "flat")),
            _message(1, _node("Gemm", ["flat", "matrix", "zero"], "vector", transB=1)),
            _text(2, "tiny"),
            _message(5, _tensor("matrix", matrix.astype("<f4"))),
            _message(5, _tensor("zero", np.zeros(dimension, "<f4"))),
            _message(11, _value("data", (1, 3, input_px, input_px))),
            _message(12, _value("vector", (1, dimension))),
        ]
    )
    return _number(1, 8) + _message(8, _number(2, 13)) + _message(7, graph)


def _node(kind: str, inputs: list[str], output: str, **attributes: int) -> bytes:
    named = [_message(5, _text(1, name) + _number(3, value) + _number(20, 2)) for name, value in attributes.items()]
    return b"".join([*(_text(1, name) for name in inputs), _text(2, output), _text(3, output), _text(4, kind), *named])


def _tensor(name: str, values: NDArray[np.float32]) -> bytes:
    return b"".join(
        [*(_number(1, size) for size in values.shape), _number(2, 1), _text(8, name), _message(9, values.tobytes())]
    )


def _value(name: str, shape: tuple[int, ...]) -> bytes:
    sizes = b"".join(_message(1, _number(1, size)) for size in shape)
    return _text(1, name) + _message(2, _message(1, _number(1, 1) + _message(2, sizes)))


def _text(field: int, text: str) -> bytes:
    return _message(field, text.encode())


def _message(field: int, content: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(content)) + content


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _varint(value: int) -> bytes:
    said = b""
    while value > 127:
        said += struct.pack("B", value & 127 | 128)
        value >>= 7
    return said + struct.pack("B", value)
