"""The companion plugin: nodes of a workflow that speak into files and keep voices.

Dify allows a package of models nothing but models, so these travel in a package of their own.
Both packages hold the same `plugin/gpt_sovits`; the packaging step puts it into each.
"""
