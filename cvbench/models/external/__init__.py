"""Networks of other libraries, given the members that a task asks for; their tensors keep their names."""
