"""The notebook as files that need no program: a folder that opens from disk, or one page in one file."""

from glassbook.web.export.alone import export_page
from glassbook.web.export.site import Exported, export_site

__all__ = ["Exported", "export_page", "export_site"]
