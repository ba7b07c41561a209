"""What can go wrong with certificates, codes and keys."""


class PkiError(Exception):
    """Root of this package's errors: one line for a person, who has to mend something first."""


class SecretFileError(PkiError):
    """A file with a secret is missing, is unreadable, or can be read by others than its owner."""


class RefusedError(PkiError):
    """A request for a certificate that is not granted: the reason is for the log, not for who asked."""
