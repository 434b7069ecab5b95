"""Django's session files, on disk once they are saved, as those of Coatcheck and its limit are: first the file, then its name."""

import os

from django.contrib.sessions.backends import file


class SessionStore(file.SessionStore):
    def save(self, must_create=False):
        if self.session_key is None:
            # Saves by itself.
            return self.create()
        super().save(must_create)
        for path in (self._key_to_file(), self.storage_path):
            descriptor = os.open(path, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
