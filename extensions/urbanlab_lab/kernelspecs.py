"""One kernel for all notebooks, whatever kernel their authors had."""

from __future__ import annotations

from jupyter_client.kernelspec import KernelSpec, KernelSpecManager, NoSuchKernel

KERNEL_NAME = "urbanlab"


class UrbanKernelSpecManager(KernelSpecManager):  # type: ignore[misc]
    """Answers for an absent kernel (`python3`, `conda-base-py`, …) with `urbanlab`."""

    def get_kernel_spec(self, kernel_name: str) -> KernelSpec:
        """Return the kernel of that name, or ours."""
        try:
            return super().get_kernel_spec(kernel_name)
        except NoSuchKernel:
            return super().get_kernel_spec(KERNEL_NAME)
