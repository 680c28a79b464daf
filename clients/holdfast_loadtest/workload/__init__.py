"""The load test: a workload generator and an auditor in one.

A scenario says what arrives when. Load processes ask for it and keep a history of what they were told. The auditor
predicts from the scenario what must have become of the stock, and holds the history, the levels and the ledger against
it. Figures and plots are made of the same history.
"""
