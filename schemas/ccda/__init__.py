"""C-CDA: clinical documents, read without trust in who wrote them."""

from schemas.ccda.document import Document
from schemas.ccda.error import CcdaError

__all__ = ["CcdaError", "Document"]
