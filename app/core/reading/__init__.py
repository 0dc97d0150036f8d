"""One Select, every representation: pages, objects, tables and documents. Stands on the kernel alone."""
