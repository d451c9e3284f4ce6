"""Start of the plugin process. The order of its steps is what makes streams work.

1. The generated stubs are put on the path; they travel in the package's `proto/` folder.
2. `import dify_plugin` patches the standard library with gevent.
3. `init_gevent()` makes gRPC wait through gevent. Without it the first stream freezes the
   whole process, heartbeats included, while unary calls work, so that credentials look good.
4. `Plugin` imports our model classes, which import the stubs.
5. A channel to nowhere makes gRPC set itself up, which takes some 10 ms of the first speech else.
6. What is loaded by then is kept out of Python's garbage collection, which would look through all
   of it now and then, 40 ms long, while somebody waits for a first sound.

grpcio before 1.80 loses events under gevent: of 60 calls at once to a server that is away, 53
never ended with 1.73.1 and none with 1.80.0 (measured). Hence the floor in requirements.txt.
"""

from __future__ import annotations

import gc
import logging
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dify_plugin import Plugin

# Under gevent, gRPC waits for each unary call and each channel in a thread of gevent's pool, and
# Dify's SDK reads its standard input in another. Of gevent's usual ten, ten slow calls to one
# server would leave none, and every other call of the plugin would wait for them.
NATIVE_THREADS = 512
STUBS = Path(__file__).resolve().parent.parent / "proto"


def create_plugin() -> Plugin:
    """Return the plugin, ready to run. Patches the whole process with gevent."""
    sys.path.append(str(STUBS))
    from dify_plugin import DifyPluginEnv, Plugin
    from dify_plugin.config.logger_format import plugin_logger_handler
    from gevent import get_hub
    from grpc import insecure_channel
    from grpc.experimental.gevent import init_gevent

    init_gevent()
    get_hub().threadpool.maxsize = NATIVE_THREADS
    logging.getLogger("plugin").addHandler(plugin_logger_handler)
    plugin = Plugin(DifyPluginEnv())
    insecure_channel("localhost").close()
    gc.collect()
    gc.freeze()
    return plugin


def run() -> None:
    """Serve Dify until it ends the process."""
    create_plugin().run()
