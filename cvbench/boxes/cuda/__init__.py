"""The CUDA face: Triton kernels. Imported at first use; also run by Triton's interpreter, on the CPU.

Not yet run on a GPU: the interpreter is what these kernels have been tested with.
"""
