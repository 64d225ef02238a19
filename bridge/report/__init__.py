"""The report in the forms people and programs read: text, JSON, CSV, a workbook and a page."""
