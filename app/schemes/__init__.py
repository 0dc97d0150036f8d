"""Aid schemes (*dispositifs d'aide*): what each asks of a file, as dated parameters that are data, not code."""
