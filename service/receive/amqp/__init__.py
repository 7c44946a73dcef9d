"""Discharges and commands over RabbitMQ."""
