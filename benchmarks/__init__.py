"""Side-by-side measurements of what a call costs, here and elsewhere; never part of the test run."""
