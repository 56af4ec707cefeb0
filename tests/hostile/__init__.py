"""What somebody hostile may try, and what a fault may do; each test begins with the id of its case."""
