"""What the rows of bench/compare share."""
