"""The notebook as files that need no program: a folder that opens from disk, one page or a run's features in a file."""

from glassbook.web.export.alone import export_page
from glassbook.web.export.features import export_features
from glassbook.web.export.site import Exported, export_site

__all__ = ["Exported", "export_features", "export_page", "export_site"]
