"""Settings, connection, voices, speech. Only `models` and `schema` know of Dify."""
