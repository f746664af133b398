"""Benchmarks: workloads, timing, memory and real-time load."""
