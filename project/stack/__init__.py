"""Real servers from pip packages, one file per part, for the demo, the local stack and the tests."""
