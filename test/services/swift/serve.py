"""All four servers of a Swift in one process, as Swift's own functional tests run them.

The programs of the packages would leave the process group that the tests end, and take the time of four starts.
Usage: serve.py FOLDER, which holds swift.conf, and NAME-server.conf of each server with its bind_port.
"""
import sys
from pathlib import Path
from time import monotonic

from swift.common import utils

folder = Path(sys.argv[1])
utils.set_swift_dir(str(folder))
utils.eventlet_monkey_patch()

# What these import reads swift.conf, and takes the patched modules.
import eventlet  # noqa: E402
from eventlet import wsgi as http  # noqa: E402
from swift.common import wsgi  # noqa: E402
from swift.common.ring import RingBuilder  # noqa: E402

NAMES = ('account', 'container', 'object', 'proxy')


def config_of(name):
    return str(folder / f'{name}-server.conf')


ports = {name: int(wsgi.appconfig(config_of(name), name=f'{name}-server')['bind_port']) for name in NAMES}

for name in NAMES[:3]:
    ring = RingBuilder(part_power=2, replicas=1, min_part_hours=1)
    ring.add_dev({'region': 1, 'zone': 1, 'ip': '127.0.0.1', 'port': ports[name], 'device': 'disk', 'weight': 1})
    ring.rebalance()
    ring.get_ring().save(str(folder / f'{name}.ring.gz'))


class Cache:
    """In the place of memcached, without which the filters for keys and rates refuse all."""

    def __init__(self):
        self.values = {}

    def get(self, key, **_settings):
        value, end = self.values.get(key, (None, None))
        return value if end is None or monotonic() < end else None

    def set(self, key, value, time=0, **_settings):
        self.values[key] = (value, monotonic() + time if time > 0 else None)

    def delete(self, key, **_settings):
        self.values.pop(key, None)

    def incr(self, key, delta=1, time=0, **_settings):
        value = max(int(self.get(key) or 0) + int(delta), 0)
        self.set(key, value, time)
        return value

    def decr(self, key, delta=1, time=0, **_settings):
        return self.incr(key, -delta, time)


def serve(name):
    listening = eventlet.listen(('127.0.0.1', ports[name]), backlog=512)
    app = wsgi.loadapp(config_of(name), global_conf={'log_name': name})
    cache = Cache()

    def with_cache(environ, start_response):
        environ['swift.cache'] = cache
        return app(environ, start_response)

    # As run_server of Swift does: clients of S3 want the header "ETag", and not "Etag".
    options = {'protocol': wsgi.SwiftHttpProtocol, 'capitalize_response_headers': False}
    return eventlet.spawn(http.server, listening, with_cache, wsgi.NullLogger(), **options)


for thread in [serve(name) for name in NAMES]:
    thread.wait()
