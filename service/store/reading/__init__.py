"""What is read inside a scope: resources, histories, all that is of somebody."""
