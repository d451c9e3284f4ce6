"""What surrounds every RPC of ours, one concern per file."""
