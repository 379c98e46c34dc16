"""CPU kernels: numba functions on NumPy views of tensors, imported on first use."""
