"""Master data and stock out of CSV files: reading, checking, sending in batches, naming every row that
stays out.
"""
