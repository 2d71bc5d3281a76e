"""Imports tick files of other programs (CSV, CSV in gz or zip, Parquet) into one recording."""

from ticker.importing.columns import Options
from ticker.importing.importer import Report, import_files
from ticker.importing.progress import Progress

__all__ = ["Options", "Progress", "Report", "import_files"]
