"""Everything SQLAlchemy: tables, the unit of work, queries, migrations."""
