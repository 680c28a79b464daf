"""Turns requests of the contract into commands for the decider. Nothing is decided here.

The arguments of each command are those that the header of its Lua file names.
"""
