"""The door to RabbitMQ: relay, rabbit, feed."""
