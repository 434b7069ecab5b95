from django.conf import settings


class SessionRouter:
    """Sessions live in the database `sessions`, where there is one; users always in the default one."""

    def db_for_read(self, model, **hints):
        return self._database(model._meta.app_label)

    db_for_write = db_for_read

    def allow_migrate(self, db, app_label, **hints):
        return db == self._database(app_label)

    def _database(self, app_label):
        return "sessions" if app_label == "sessions" and "sessions" in settings.DATABASES else "default"
