"""The CUDA face: Triton kernels. Imported at first use; also run by Triton's interpreter, on the CPU."""
