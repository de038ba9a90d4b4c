"""City brain: an open lakehouse for a district."""
