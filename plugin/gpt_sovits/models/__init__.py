"""The classes that Dify looks for."""
