"""The door to RabbitMQ: relay, catch-up, feed."""
