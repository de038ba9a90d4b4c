"""Bring Superset's metadata database to this version and put the administrator in. Run by infra/stack.py.

The same as `superset db upgrade`, `superset init` and `superset fab create-admin`, in one process instead of three:
importing Superset is what costs, ten seconds of CPU each time. Can be repeated.
"""

from __future__ import annotations

import os
from pathlib import Path

import superset
from flask_migrate import upgrade
from superset.app import create_app


def main() -> None:
    app = create_app()
    with app.app_context():
        upgrade(directory=str(Path(superset.__file__).parent / "migrations"))

        from superset.extensions import appbuilder, db

        security = appbuilder.sm
        appbuilder.add_permissions(update_perms=True)
        security.sync_role_definitions()
        if not security.find_user(username="admin"):
            password = os.environ["CITYBRAIN_SUPERSET_ADMIN_PASSWORD"]
            role = security.find_role("Admin")
            user = security.add_user("admin", "系统", "管理员", "admin@citybrain.invalid", role, password=password)
            if not user:
                raise SystemExit("the administrator could not be added; see above")
        # Without this, the page one logs in at is in English: the language pack is refused to the anonymous.
        pack = security.find_permission_view_menu("can_language_pack", "Superset")
        security.add_permission_role(security.find_role("Public"), pack)
        db.session.commit()


if __name__ == "__main__":
    main()
