"""The hosted backends: OpenAI, whoever speaks its formats, and Anthropic."""
