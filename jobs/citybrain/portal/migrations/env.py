"""Run by ``Store.migrate``, which hands over its connection."""

from __future__ import annotations

from alembic import context

from citybrain.portal.models import Base

context.configure(connection=context.config.attributes["connection"], target_metadata=Base.metadata)
context.run_migrations()
