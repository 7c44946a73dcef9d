"""The command casebridge: one short file per command group."""
