"""The compiled CPU face: numba kernels on NumPy views of the tensors. Imported at first use."""
