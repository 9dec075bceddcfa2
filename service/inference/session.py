"""The one module that talks to onnxruntime: opens an ONNX file on an execution provider and runs it.

Everything above knows a `Session` and the names in PROVIDERS; another provider is another entry there.
"""

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from service.repository.artifact import InvalidArtifact

# From its import on, onnxruntime writes an id of the machine into the user's cache folder and reports to its makers;
# its own function to end that would come too late.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

import onnxruntime as ort

_LOG_FATAL_ONLY = 4  # whatever goes wrong is raised as well; onnxruntime would print it on stderr a second time

# onnx.helper.make_model of one node `y = Relu(x)` on float32 (1,), opset 17, IR version 8, serialised.
_PROBE_MODEL = (
    b'\x08\x08:3\n\x0c\n\x01x\x12\x01y"\x04Relu\x12\x01gZ\x0f\n\x01x\x12\n\n\x08\x08\x01\x12\x04\n\x02\x08\x01'
    b"b\x0f\n\x01y\x12\n\n\x08\x08\x01\x12\x04\n\x02\x08\x01B\x04\n\x00\x10\x11"
)


ProviderName = Literal["cpu", "cuda"]


class ProviderUnavailable(RuntimeError):
    """An execution provider is missing or does not work here; the message says which in one sentence."""


class RunFailed(RuntimeError):
    """A graph could not be run on an input; the message says which node failed in one sentence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """How onnxruntime is told to use one kind of processor."""

    execution_provider: str
    """onnxruntime's own name, which an open session reports back."""
    options: Mapping[str, str]
    preload_libraries: bool = False
    """Whether its libraries come as Python packages, where the dynamic linker does not look for them."""


PROVIDERS: Final[dict[ProviderName, Provider]] = {
    "cpu": Provider(execution_provider="CPUExecutionProvider", options={}),
    "cuda": Provider(
        execution_provider="CUDAExecutionProvider",
        options={
            # The default searches all convolution algorithms anew for each batch size: over half a second each time.
            "cudnn_conv_algo_search": "HEURISTIC",
            # The default doubles the arena each time it grows, and never gives it back.
            "arena_extend_strategy": "kSameAsRequested",
        },
        preload_libraries=True,
    ),
}
_AUTO_ORDER: Final[tuple[ProviderName, ...]] = ("cuda", "cpu")


class TensorSpec(NamedTuple):
    """What a graph says about one of its inputs or outputs."""

    dtype: str
    """Element type in onnxruntime's words: "uint8", "int64", "float"."""
    shape: tuple[int | None, ...]
    """None stands for a dimension that the graph leaves open."""


class Session(Protocol):
    """A graph that is loaded and can be run from several threads at once."""

    @property
    def provider(self) -> ProviderName:
        """What it runs on."""

    @property
    def inputs(self) -> Mapping[str, TensorSpec]:
        """Inputs by name."""

    @property
    def outputs(self) -> Mapping[str, TensorSpec]:
        """Outputs by name."""

    @property
    def metadata_props(self) -> Mapping[str, str]:
        """The texts that the file carries beside its graph."""

    def run(self, outputs: Sequence[str], feeds: Mapping[str, NDArray[Any]]) -> list[NDArray[Any]]:
        """The named outputs, in that order, for these inputs.

        Raises:
            RunFailed: The graph cannot be run on them.
        """


class OnnxSession:
    """A Session on onnxruntime."""

    __slots__ = ("_run", "inputs", "metadata_props", "outputs", "provider")

    def __init__(self, session: ort.InferenceSession, provider: ProviderName) -> None:
        # Plain binding to numpy arrays: IOBinding and OrtValues were measured 4 and 15 % slower on a small network.
        self._run = session.run
        self.provider: ProviderName = provider
        self.inputs: Mapping[str, TensorSpec] = {node.name: _spec(node) for node in session.get_inputs()}
        self.outputs: Mapping[str, TensorSpec] = {node.name: _spec(node) for node in session.get_outputs()}
        self.metadata_props: Mapping[str, str] = dict(session.get_modelmeta().custom_metadata_map)

    def run(self, outputs: Sequence[str], feeds: Mapping[str, NDArray[Any]]) -> list[NDArray[Any]]:
        """See Session."""
        try:
            answers: list[NDArray[Any]] = self._run(outputs, feeds)
        except Exception as error:
            # onnxruntime has an exception class per status code and no base class of its own.
            raise RunFailed(f"The graph cannot be run: {_reason(error)}.") from error
        return answers


def open_session(path: Path, *, provider: ProviderName, intra_op_threads: int = 1) -> OnnxSession:
    """Open an ONNX file, with its `.data` file beside it if it has one.

    Args:
        path: The file.
        provider: What to run it on.
        intra_op_threads: Threads that share the work of one run. They do not spin while they wait: that takes the
            processor away from decoding and from other runs.

    Raises:
        InvalidArtifact: onnxruntime cannot read or run the file.
        ProviderUnavailable: The provider does not work here. It never falls back to another one.
    """
    try:
        session = _open(str(path), provider, intra_op_threads)
    except ProviderUnavailable:
        raise
    except Exception as error:
        raise InvalidArtifact(f"onnxruntime cannot open {path.name}: {_reason(error, path)}.") from None
    return OnnxSession(session, provider)


def onnxruntime_version() -> str:
    """Version of the installed onnxruntime."""
    version: str = ort.__version__
    return version


def available_providers() -> list[ProviderName]:
    """Providers that the installed onnxruntime was built with, whether they work here or not."""
    built_in = ort.get_available_providers()
    return [name for name, provider in PROVIDERS.items() if provider.execution_provider in built_in]


def probe_provider(provider: ProviderName) -> None:
    """Run a graph of one node, because a provider that is built in may still lack its libraries or its device.

    Raises:
        ProviderUnavailable: It does not work here.
    """
    try:
        (answer,) = _open(_PROBE_MODEL, provider, 1).run(["y"], {"x": np.array([-1.0], np.float32)})
    except ProviderUnavailable:
        raise
    except Exception as error:
        raise ProviderUnavailable(f"The provider {provider!r} does not work here: {_reason(error)}.") from None
    if answer[0] != 0.0:
        raise ProviderUnavailable(f"The provider {provider!r} computes wrongly here.")


def intended_provider(choice: ProviderName | Literal["auto"]) -> ProviderName:
    """The provider that `choice` hopes for, whether it works here or not: "auto" is the fastest one that the installed
    onnxruntime was built with.
    """
    if choice != "auto":
        return choice
    built_in = available_providers()
    return next((name for name in _AUTO_ORDER if name in built_in), "cpu")


def resolve_provider(choice: ProviderName | Literal["auto"]) -> ProviderName:
    """The provider that `choice` stands for, probed: "auto" is cuda where that works and cpu elsewhere.

    Raises:
        ProviderUnavailable: It does not work here.
    """
    if choice != "auto":
        probe_provider(choice)
        return choice
    failures = []
    for name in _AUTO_ORDER:
        try:
            probe_provider(name)
        except ProviderUnavailable as error:
            failures.append(str(error))
        else:
            return name
    raise ProviderUnavailable(" ".join(failures))


def _open(model: str | bytes, name: ProviderName, intra_op_threads: int) -> ort.InferenceSession:
    provider = PROVIDERS[name]
    if name not in available_providers():
        raise ProviderUnavailable(
            f"The provider {name!r} is not part of the installed onnxruntime, which has "
            f"{', '.join(available_providers())}."
        )
    if provider.preload_libraries:
        ort.preload_dlls(directory="")
    ort.set_default_logger_severity(_LOG_FATAL_ONLY)
    options = ort.SessionOptions()
    options.intra_op_num_threads = intra_op_threads
    options.inter_op_num_threads = 1
    options.log_severity_level = _LOG_FATAL_ONLY
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    session = ort.InferenceSession(
        model, options, providers=[(provider.execution_provider, dict(provider.options))], enable_fallback=0
    )
    # A provider whose libraries are missing is skipped without an error, so the session is asked.
    active = session.get_providers()[0]
    if active != provider.execution_provider:
        raise ProviderUnavailable(
            f"The provider {name!r} does not work here: onnxruntime chose {active} instead of "
            f"{provider.execution_provider}."
        )
    return session


def _spec(node: Any) -> TensorSpec:
    dtype = node.type.removeprefix("tensor(").removesuffix(")")
    return TensorSpec(dtype, tuple(size if isinstance(size, int) else None for size in node.shape))


def _reason(error: Exception, path: Path | None = None) -> str:
    """What an error of onnxruntime comes down to, without its codes, its source lines and the paths of this machine."""
    text = re.sub(r"^\[ONNXRuntimeError\] : \d+ : \w+ : ", "", str(error))
    node = re.match(r"Non-zero status code returned while running (\w+) node\. Name:'(.*?)' Status Message: ", text)
    if node is not None:
        # What follows is a place in onnxruntime's source, then after the failed condition the cause in words.
        cause = text.rpartition(" was false. ")[2] if " was false. " in text else ""
        text = f"the {node[1]} node {node[2]!r} fails{': ' if cause else ''}{cause}"
    if path is not None:
        text = text.replace(f"Load model from {path} failed:", "").replace(str(path.parent), "")
    return " ".join(text.split())[:200].rstrip(".") or type(error).__name__
