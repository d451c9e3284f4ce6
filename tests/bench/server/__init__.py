"""The server under load: a real process, real weights, gRPC over the loopback."""
