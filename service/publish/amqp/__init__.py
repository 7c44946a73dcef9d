"""RabbitMQ: what is declared there, a channel with confirms, and the watch over queues."""
