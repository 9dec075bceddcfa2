"""The table of a network's layers: shapes, trainable parameters, multiply-adds and receptive fields.

The network runs once on the meta device, where tensors have shapes but no values, while every tensor operation
is watched. So branches, concatenations and plain Python in `forward` need no description of their own.

A layer is a module without children. A module whose arithmetic differs from what its tensor operations suggest,
such as a convolution with connections left out, says so by the method that `CountsItself` describes.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from models.network import Network
from models.receptive_field import Effect, Field, effect_of, joined


@runtime_checkable
class CountsItself(Protocol):
    """A module that counts its own multiply-adds; it is one row of the table, its children included."""

    def multiply_adds(self, output_shape: Sequence[int]) -> int:
        """Count the multiply-adds of a call whose output has this shape, batch axis included."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """One layer, for one picture."""

    layer: str
    """Name of the module; in brackets, the module whose `forward` calls a bare function."""
    kind: str
    """The module's class and its window, such as "Conv2d 5x5"."""
    output_shape: tuple[int, ...]
    """Without the batch axis."""
    parameters: int
    """Trainable ones, counted where they are used first."""
    multiply_adds: int
    receptive_field_px: tuple[int, int] | None
    """Height and width, beyond the picture's edges too; None where the whole picture is seen."""


@dataclass(frozen=True, kw_only=True)
class LayerTable:
    """All layers that have parameters, multiply or slide a window, in the order of computation."""

    input_shape: tuple[int, int, int]
    rows: tuple[Row, ...]
    parameters: int
    """Trainable ones of the whole network, as `parameter_count` counts."""
    multiply_adds: int
    """For one picture. A multiplication and the addition that follows count as one; additions alone as none."""
    receptive_field_px: tuple[int, int] | None
    """Of the output; the widest wherever branches meet."""


def layer_table(model: nn.Module, *, in_channels: int, input_px: tuple[int, int]) -> LayerTable:
    """Describe `model` on one picture of shape (in_channels, *input_px), in evaluation mode; it stays as it was.

    Raises:
        RuntimeError: The network cannot take a picture of this shape.
    """
    watch = _Watch(_trainable_by_module(model))
    modes = {module: module.training for module in model.modules()}
    with ExitStack() as stack:
        for name, module in model.named_modules():
            stack.callback(module.register_forward_pre_hook(watch.enter(name)).remove)
            stack.callback(module.register_forward_hook(watch.leave).remove)
        model.eval()
        stack.callback(_restore, modes)
        picture = torch.zeros(1, in_channels, *input_px, device="meta")
        watch.remember(picture, Field())
        with torch.no_grad(), watch:
            # Each name is replaced once; torch's own tying would leave a module that occurs twice on meta for good.
            output = torch.func.functional_call(model, _on_meta(model), (picture,), tie_weights=False)
    return LayerTable(
        input_shape=(in_channels, *input_px),
        rows=tuple(watch.rows),
        parameters=parameter_count(model),
        multiply_adds=sum(row.multiply_adds for row in watch.rows),
        receptive_field_px=watch.seen_by(output),
    )


def parameter_count(model: nn.Module) -> int:
    """Count the trainable parameters, those outside any layer included and those that only training uses left out."""
    auxiliary = model.auxiliary if isinstance(model, Network) else ()
    unused = {p for name in auxiliary for p in model.get_submodule(name).parameters()}
    return sum(p.numel() for p in model.parameters() if p.requires_grad and p not in unused)


def render(table: LayerTable) -> str:
    """Lay the table out as aligned plain text, totals last."""
    head = ("layer", "kind", "output", "parameters", "multiply-adds", "receptive field")
    seen = _size(table.receptive_field_px)
    total = ("total", "", "", f"{table.parameters:,}", f"{table.multiply_adds:,}", seen)
    return columns([head, *(_cells(row) for row in table.rows), total], right_aligned={3, 4, 5})


def columns(lines: Sequence[Sequence[str]], *, right_aligned: Collection[int]) -> str:
    """Align lines of equally many cells, two blanks between columns, no blanks at the ends of lines."""
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if index in right_aligned else cell.ljust(width)
            for index, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )


def _cells(row: Row) -> tuple[str, ...]:
    seen = _size(row.receptive_field_px)
    shape = "x".join(map(str, row.output_shape))
    return row.layer, row.kind, shape, f"{row.parameters:,}", f"{row.multiply_adds:,}", seen


def _size(field_px: tuple[int, int] | None) -> str:
    return "all" if field_px is None else "{}x{}".format(*field_px)


def _on_meta(model: nn.Module) -> dict[str, Tensor]:
    """Parameters and buffers without their values, each module's under one name."""
    tensors: dict[str, Tensor] = {}
    for name, module in model.named_modules():
        tensors.update(module.named_parameters(prefix=name, recurse=False))
        tensors.update(module.named_buffers(prefix=name, recurse=False))
    return {name: tensor.detach().to("meta") for name, tensor in tensors.items()}


def _trainable_by_module(model: nn.Module) -> dict[nn.Module, int]:
    """Trainable parameters of each module and its children, as they stand before they move to meta."""
    return {m: sum(p.numel() for p in m.parameters() if p.requires_grad) for m in model.modules()}


def _restore(modes: Mapping[nn.Module, bool]) -> None:
    for module, training in modes.items():
        module.training = training


@dataclass(kw_only=True)
class _Call:
    """A module that is running; `is_layer` when its operations belong to its own row."""

    name: str
    is_layer: bool
    effects: list[Effect] = field(default_factory=list)


class _Watch(TorchDispatchMode):  # type: ignore[no-untyped-call]  # torch leaves its base untyped
    """Follows receptive fields through every tensor operation and collects the rows."""

    def __init__(self, trainable: Mapping[nn.Module, int]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.rows: list[Row] = []
        self._trainable = dict(trainable)
        self._calls: list[_Call] = []
        # By identity; the tensors are kept, or their identities would be given out again.
        self._fields: dict[int, tuple[Tensor, Field]] = {}

    def remember(self, tensor: Tensor, seen: Field) -> None:
        self._fields[id(tensor)] = (tensor, seen)

    def seen_by(self, output: Any) -> tuple[int, int] | None:
        """Size of the field of a tensor, or of the first of several, in pixels; None for the whole picture."""
        return self._fields[id(next(_tensors(output)))][1].rounded_px()

    def enter(self, name: str) -> Any:
        """Make the hook that runs before the module of that name."""

        def hook(module: nn.Module, _inputs: Any) -> None:
            inside = any(call.is_layer for call in self._calls)
            leaf = next(module.children(), None) is None or isinstance(module, CountsItself)
            self._calls.append(_Call(name=name, is_layer=leaf and not inside))

        return hook

    def leave(self, module: nn.Module, _inputs: Any, outputs: Any) -> None:
        """Close the module's call, with a row if it is a layer worth one."""
        call = self._calls.pop()
        parameters = self._trainable[module]
        counts_itself = isinstance(module, CountsItself)
        if not call.is_layer or not (parameters or call.effects or counts_itself):
            return
        output = next(_tensors(outputs))
        kind = " ".join(filter(None, [type(module).__name__, *(effect.label for effect in call.effects)]))
        products = sum(effect.multiply_adds for effect in call.effects)
        if isinstance(module, CountsItself):
            products = module.multiply_adds(output.shape)
        self._add_row(call.name, kind, output, parameters, products)
        self._trainable[module] = 0

    def _add_row(self, layer: str, kind: str, output: Tensor, parameters: int, multiply_adds: int) -> None:
        self.rows.append(
            Row(
                layer=layer,
                kind=kind,
                output_shape=tuple(output.shape[1:]),
                parameters=parameters,
                multiply_adds=multiply_adds,
                receptive_field_px=self.seen_by(output),
            )
        )

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        outputs = func(*args, **(kwargs or {}))
        seen = [self._fields[id(t)][1] for t in _tensors(args) if id(t) in self._fields]
        if not seen:
            return outputs
        effect = effect_of(func, args, outputs)
        combined = joined(seen) if effect is None else effect.applied_to(joined(seen))
        for output in _tensors(outputs):
            self.remember(output, combined)
        if effect is not None:
            self._record(func, effect, next(_tensors(outputs)))
        return outputs

    def _record(self, func: Any, effect: Effect, output: Tensor) -> None:
        layer = next((call for call in self._calls if call.is_layer), None)
        if layer is not None:
            layer.effects.append(effect)
        else:
            caller = self._calls[-1].name if self._calls else ""
            kind = f"{func.overloadpacket.__name__} {effect.label}".strip()
            self._add_row(f"({caller})", kind, output, 0, effect.multiply_adds)


def _tensors(value: Any) -> Iterator[Tensor]:
    """All tensors in nested lists and tuples, in order."""
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _tensors(item)
