"""Builds the Dify package, as Dify's own command-line tool would, and holds it to Dify's rules.

For developers only: this folder does not travel in the package.
"""
