"""The Dify plugin: a thin, stateless client of the gRPC service."""
