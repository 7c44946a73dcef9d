"""The data types of fields: names, addresses, concepts, numbers, times."""
