"""Whom a model is compared with: each takes the same rough and answers with a mix."""
