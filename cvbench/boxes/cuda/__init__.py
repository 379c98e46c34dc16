"""CUDA kernels in Triton, imported on first use; Triton's interpreter can run them on the CPU."""
