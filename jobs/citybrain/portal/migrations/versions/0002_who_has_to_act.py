"""Of a delivery that failed: whether its department or the bureau has to act."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.add_column("delivery", sa.Column("fix", sa.String(16)))
