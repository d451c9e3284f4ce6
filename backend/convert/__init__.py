"""Messages of the API to values of the engine and of the backend, and back."""
