"""Tick files of others (CSV, CSV in gz or zip, Parquet) become one recording."""

from ticker.importing.importer import Options, Report, import_files

__all__ = ["Options", "Report", "import_files"]
