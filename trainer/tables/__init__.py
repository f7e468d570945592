"""Files that people bring, as tables of typed columns.

Importing this package is cheap: what reading needs (pyarrow, clevercsv) is imported on the way.
"""

from trainer.tables.limits import Limits
from trainer.tables.reading import SUFFIXES, read_table
from trainer.tables.table import Kind, Recognised, Table, kind_of

__all__ = ["SUFFIXES", "Kind", "Limits", "Recognised", "Table", "kind_of", "read_table"]
