"""Two runs or more, held against one another: what differs, by how much, and how sure that is."""
