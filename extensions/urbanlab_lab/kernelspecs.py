"""One kernel for all notebooks, whatever kernel their authors had."""

from __future__ import annotations

from jupyter_client.kernelspec import KernelSpec, KernelSpecManager, NoSuchKernel

KERNEL_NAME = "urbanlab"


class UrbanKernelSpecManager(KernelSpecManager):  # type: ignore[misc]
    """Answers for an absent kernel (`python3`, `conda-base-py`, …) with `urbanlab`."""

    def get_kernel_spec(self, kernel_name: str) -> KernelSpec:
        """Return the kernel of that name, or ours.

        A kernel that is installed but not allowed is absent: ipykernel brings its own `python3` along.
        """
        allowed = self.allowed_kernelspecs
        try:
            return super().get_kernel_spec(
                kernel_name if not allowed or kernel_name in allowed else KERNEL_NAME
            )
        except NoSuchKernel:
            return super().get_kernel_spec(KERNEL_NAME)
