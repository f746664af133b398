"""Evaluation metrics of protocols K, A and S: values per example, statistics over songs, tables."""
