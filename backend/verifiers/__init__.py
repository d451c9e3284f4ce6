"""What listens to sentences before they are heard, if `GPTSOVITS_VERIFIER` names it.

The setting is `module:function`: a function without arguments that returns an object with a method
`accepts`, as `engine.pipeline.checks.Verifier` describes it. For English there is
`backend.verifiers.sphinx:english`, which needs `pip install pocketsphinx==5.1.1`.

Sentences then come whole, so the first sound waits for the first sentence. What is rejected is said
again, at most twice, with other seeds; the findings of the response tell `SENTENCE_FLAW_REJECTED`,
and whether it was resolved.
"""
