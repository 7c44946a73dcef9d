"""The audit: read as AuditEvents and by the owner of a client, sealed, verified."""
