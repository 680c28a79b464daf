"""Holdfast, the inventory authority: decides, at the moment of the order, who gets a unit of stock.

The folders follow the path of a decision: edge -> decide -> ledger -> watch. README.md beside this
package tells that path on one page.
"""
