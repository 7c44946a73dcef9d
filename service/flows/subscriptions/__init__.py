"""Subscriptions: partners manage theirs; the worker looks for their events and sends notifications."""
