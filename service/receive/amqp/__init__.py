"""Discharges over RabbitMQ."""
