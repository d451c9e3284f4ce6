"""The nodes: one module and one YAML each. Dify's SDK allows one `Tool` to a module."""
