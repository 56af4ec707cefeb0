"""Faults of what is around: storage, disks, servers."""
