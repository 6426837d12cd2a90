"""The gettext catalogues: every sentence a person reads is English in the code and has its Dutch here."""

from carbonprint.messages.catalogue import Translate, translator

__all__ = ["Translate", "translator"]
