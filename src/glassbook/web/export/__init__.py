"""Static export: the notebook as a folder of HTML that opens from disk, or one page or a run's features in one file.

Pages are fetched from the application itself (client.py), freed of scripts and forms (rewrite.py), and their charts are
drawn as SVG (pictures.py). What works only with a server is marked `data-server` in the templates and left out.
"""

from glassbook.web.export.features_file import export_features
from glassbook.web.export.page_file import export_page
from glassbook.web.export.site import Exported, export_site

__all__ = ["Exported", "export_features", "export_page", "export_site"]
