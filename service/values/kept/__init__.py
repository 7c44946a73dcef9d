"""What is kept: documents, their facts, and the resources made of them."""
