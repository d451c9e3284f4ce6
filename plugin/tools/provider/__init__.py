"""What Dify reads of the tools' provider."""
