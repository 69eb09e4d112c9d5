"""The shell around a backend: pace, retries, budget, prices, and nothing asked twice."""
