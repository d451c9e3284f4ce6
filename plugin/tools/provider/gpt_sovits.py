"""The provider of the tools: whether its credentials work."""

from __future__ import annotations

from typing import Any

from dify_plugin import ToolProvider
from dify_plugin.errors.tool import ToolProviderCredentialValidationError

from plugin.gpt_sovits.check import check_settings
from plugin.gpt_sovits.errors import TtsError
from plugin.tools.workplace import open_workplace


class GptSovitsTools(ToolProvider):
    """A GPT-SoVITS server that the workspace's owner runs."""

    def _validate_credentials(self, credentials: dict[str, Any]) -> None:
        """Speak a word with these credentials.

        Raises:
            ToolProviderCredentialValidationError: what does not work, and what to do about it.
        """
        try:
            workplace = open_workplace(credentials)
            check_settings(workplace.settings, workplace.server)
        except TtsError as error:
            raise ToolProviderCredentialValidationError(str(error)) from None
