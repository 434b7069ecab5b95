from django.contrib.auth.hashers import PBKDF2PasswordHasher


class QuickHasher(PBKDF2PasswordHasher):
    """Django's own hashes, of fewer rounds than a site needs."""

    iterations = 1000
