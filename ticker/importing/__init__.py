"""Tick files of others (CSV, CSV in gz or zip, Parquet) become one recording."""

from ticker.importing.importer import Options, Report, import_files
from ticker.importing.progress import Progress

__all__ = ["Options", "Progress", "Report", "import_files"]
