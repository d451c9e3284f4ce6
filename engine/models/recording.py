"""Work for a GPU that is recorded once and replayed, and numbers on their way back.

A step of a small model is hundreds of small kernels, which a CPU cannot start as fast as a GPU
ends them; a recording starts them all at once. All that is recorded must read and write tensors
that keep their places, and may not look at what they hold.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

import torch
from torch import Tensor

Work = Callable[[], None]


class Recorder(Protocol):
    """Makes work that can be repeated cheaply."""

    def __call__(self, work: Work) -> Work:
        """Return what does `work` again. It may have been done meanwhile, once or not at all."""
        ...


def repeat(work: Work) -> Work:
    """A recorder for devices that need none: the work itself."""
    return work


class CudaGraphs:
    """A recorder for CUDA; the recordings share their memory, so they go one after another."""

    def __init__(self, device: torch.device) -> None:
        self._device, self._pool = device, torch.cuda.graph_pool_handle()
        self._side = torch.cuda.Stream(device)  # libraries keep memory for each stream they see

    def __call__(self, work: Work) -> Work:
        """See `Recorder`: libraries set themselves up the first time, which is not recorded.

        Other threads may use the GPU meanwhile.
        """
        with torch.cuda.device(self._device):
            now, side = torch.cuda.current_stream(), self._side
            side.wait_stream(now)
            with torch.cuda.stream(side):
                work()
            now.wait_stream(side)
            graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(graph, self._pool, side, capture_error_mode="thread_local"):
                work()
        return graph.replay


def recorder_for(device: torch.device) -> Recorder | None:
    """What records on a device; None where work is best done as it comes."""
    return CudaGraphs(device) if device.type == "cuda" else None


def host_room(shape: Sequence[int], device: torch.device) -> Tensor:
    """Room for numbers on the host, from where a device takes them and where it puts them fast."""
    return torch.zeros(tuple(shape), pin_memory=device.type == "cuda")


class Fetched:
    """Whole numbers [N] that are copied to the host while other work goes on."""

    def __init__(self, numbers: Tensor) -> None:
        is_remote = numbers.is_cuda
        self._here = torch.empty(numbers.shape, dtype=numbers.dtype, pin_memory=is_remote)
        self._here.copy_(numbers, non_blocking=is_remote)
        self._arrival = torch.cuda.Event() if is_remote else None
        if self._arrival is not None:
            self._arrival.record(torch.cuda.current_stream(numbers.device))

    def wait(self) -> list[int]:
        """The numbers, as soon as they are here."""
        if self._arrival is not None:
            self._arrival.synchronize()
        return self._here.tolist()
