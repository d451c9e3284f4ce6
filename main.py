"""Where Dify starts the plugin: `python -m main` in the package's folder."""

from plugin.main import run

if __name__ == "__main__":
    run()
