"""The provider. All its credentials belong to models, so there is nothing of its own to check."""

from __future__ import annotations

from collections.abc import Mapping

from dify_plugin import ModelProvider


class GptSovitsProvider(ModelProvider):
    """GPT-SoVITS servers that the workspace's owner runs."""

    def validate_provider_credentials(self, credentials: Mapping[str, object]) -> None:
        """Accept: the provider has no credentials; each model checks its own by speaking."""
