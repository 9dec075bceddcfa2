"""How far one value of a tensor sees into the picture, and what computing it costs, operation by operation.

The rules are those of Araujo, Norris, Sim, "Computing Receptive Fields of Convolutional Neural Networks",
Distill 2019: a window of k positions widens the field by (k - 1) steps of its input, a stride lengthens the
step, and where branches meet the widest counts (their fields are taken as centred on each other).
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

_aten = torch.ops.aten


@dataclass(frozen=True, kw_only=True)
class Field:
    """What one position of a map sees of the picture, (height, width) in pixels.

    `size_px` is unbounded by the picture's edges, and infinite where the whole picture is seen. `step_px` is the
    distance in the picture between neighbouring positions.
    """

    size_px: tuple[float, float] = (1.0, 1.0)
    step_px: tuple[float, float] = (1.0, 1.0)

    def rounded_px(self) -> tuple[int, int] | None:
        """Give the size in whole pixels, or None for the whole picture."""
        if math.inf in self.size_px:
            return None
        height, width = (math.ceil(size - 1e-6) for size in self.size_px)
        return height, width


@dataclass(frozen=True, kw_only=True)
class Effect:
    """What one operation does: the window it slides over its input, and its multiply-adds."""

    kernel: tuple[float, float] = (1.0, 1.0)
    """Positions of the input that one output depends on, from first to last; infinite for all of them."""
    stride: tuple[float, float] = (1.0, 1.0)
    """Positions of the input between neighbouring outputs; below 1 where the map grows."""
    label: str = ""
    """The window for people, such as "3x3/2"."""
    multiply_adds: int = 0

    def applied_to(self, field: Field) -> Field:
        """Give the field of the output from that of the input."""
        return Field(
            size_px=_pair(s + (k - 1) * j for s, k, j in zip(field.size_px, self.kernel, field.step_px, strict=True)),
            step_px=_pair(j * stride for j, stride in zip(field.step_px, self.stride, strict=True)),
        )


def joined(fields: Sequence[Field]) -> Field:
    """Give the field of something computed from values with these fields, at least one."""
    return Field(
        size_px=_pair(max(sizes) for sizes in zip(*(field.size_px for field in fields), strict=True)),
        step_px=_pair(max(steps) for steps in zip(*(field.step_px for field in fields), strict=True)),
    )


def effect_of(operation: Any, args: Sequence[Any], output: Any) -> Effect | None:
    """Say what a call of an ATen operation does; None when it works position by position.

    Padding, cropping, views, concatenation and everything that these rules do not name count as working position
    by position: the output sees what its inputs see.
    """
    rule = _RULES.get(operation.overloadpacket)
    return rule(args, output) if rule else None


def _pair(values: Any) -> tuple[float, float]:
    height, width = values
    return height, width


def _label(kernel: Sequence[int], stride: Sequence[int]) -> str:
    text = "x".join(map(str, kernel))
    return text if set(stride) == {1} else f"{text}/{'x'.join(map(str, dict.fromkeys(stride)))}"


def _convolution(args: Sequence[Any], output: Tensor) -> Effect:
    inputs, weight, _, stride, _, dilation, transposed = args[:7]
    size = tuple(weight.shape[2:])
    reach = [d * (k - 1) + 1 for k, d in zip(size, dilation, strict=True)]
    if transposed:
        return Effect(
            kernel=_pair(math.ceil(r / s) for r, s in zip(reach, stride, strict=True)),
            stride=_pair(1 / s for s in stride),
            label=_label(size, stride),
            multiply_adds=inputs.numel() * weight[0].numel(),
        )
    return Effect(
        kernel=_pair(reach),
        stride=_pair(stride),
        label=_label(size, stride),
        multiply_adds=output.numel() * weight[0].numel(),
    )


def _max_pooling(args: Sequence[Any], output: Any) -> Effect:
    return _pooling(args, dilation=args[4] if len(args) > 4 else (1, 1))


def _average_pooling(args: Sequence[Any], output: Any) -> Effect:
    return _pooling(args, dilation=(1, 1))


def _pooling(args: Sequence[Any], *, dilation: Sequence[int]) -> Effect:
    kernel = args[1]
    stride = args[2] if len(args) > 2 and args[2] else kernel
    reach = _pair(d * (k - 1) + 1 for k, d in zip(kernel, dilation, strict=True))
    return Effect(kernel=reach, stride=_pair(stride), label=_label(kernel, stride))


def _adaptive_pooling(args: Sequence[Any], output: Any) -> Effect:
    after = (output[0] if isinstance(output, tuple) else output).shape[-2:]
    before = args[0].shape[-2:]
    pairs = list(zip(before, after, strict=True))
    return Effect(
        # Windows run from floor(i n / m) to ceil((i + 1) n / m).
        kernel=_pair(math.inf if m == 1 else math.ceil(n / m) + (n % m > 0) for n, m in pairs),
        stride=_pair(n / m for n, m in pairs),
        label="to " + "x".join(map(str, after)),
    )


def _reduction(args: Sequence[Any], output: Any) -> Effect | None:
    inputs = args[0]
    dims = args[1] if len(args) > 1 and args[1] else range(inputs.dim())
    if any(dim % inputs.dim() >= 2 for dim in dims):
        return Effect(kernel=(math.inf, math.inf))
    return None


def _upsampling(taps: int) -> Callable[[Sequence[Any], Tensor], Effect]:
    def rule(args: Sequence[Any], output: Tensor) -> Effect:
        ratios = [n / m for n, m in zip(args[0].shape[-2:], output.shape[-2:], strict=True)]
        return Effect(kernel=(taps, taps), stride=_pair(ratios), label=f"x{1 / ratios[0]:g}")

    return rule


def _product(position: int) -> Callable[[Sequence[Any], Tensor], Effect]:
    def rule(args: Sequence[Any], output: Tensor) -> Effect:
        return Effect(kernel=(math.inf, math.inf), multiply_adds=output.numel() * args[position].shape[-1])

    return rule


_RULES: dict[Any, Callable[[Sequence[Any], Any], Effect | None]] = {
    _aten.convolution: _convolution,
    _aten.max_pool2d_with_indices: _max_pooling,
    _aten.avg_pool2d: _average_pooling,
    _aten._adaptive_avg_pool2d: _adaptive_pooling,
    _aten.adaptive_max_pool2d: _adaptive_pooling,
    _aten.mean: _reduction,
    _aten.sum: _reduction,
    _aten.amax: _reduction,
    _aten.upsample_nearest2d: _upsampling(1),
    _aten.upsample_bilinear2d: _upsampling(2),
    _aten.upsample_bicubic2d: _upsampling(4),
    _aten.mm: _product(0),
    _aten.bmm: _product(0),
    _aten.addmm: _product(1),
    _aten.baddbmm: _product(1),
}
