"""The provider: its form, and the class that Dify asks for."""
