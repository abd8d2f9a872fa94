"""A typical consumer, for comparison: pika, a SHA-256 and a SET NX for each message, CSV in batches of ten.

It promises less than Tributary: content that it has seen once is dropped for ever (so A, B, A is two rows), records that it
marked before a crash are lost, and nothing is synced to disk.

Usage: consumer.py AMQP_URL REDIS_URL QUEUE COUNT OUTPUT
Prints the seconds from the first delivery to the last acknowledgement, after COUNT deliveries or SIGTERM.
"""

import csv
import hashlib
import json
import signal
import sys
import time

import pika
import redis

amqp_url, redis_url, queue, count, output = sys.argv[1:]
total = int(count)
ledger = redis.Redis.from_url(redis_url)
columns = ["id", "name", "email", "phone", "company", "city", "country", "segment", "lines", "updatedAt"]
batch = []
seen = 0
began = 0.0
latest = 0

connection = pika.BlockingConnection(pika.URLParameters(amqp_url))
channel = connection.channel()
channel.basic_qos(prefetch_count=500)

with open(output, "a", newline="", encoding="utf-8") as file:
    writer = csv.DictWriter(file, columns)
    if file.tell() == 0:
        writer.writeheader()

    def flush():
        global latest
        writer.writerows(batch)
        file.flush()
        batch.clear()
        if latest:
            channel.basic_ack(latest, multiple=True)
        latest = 0

    def on_message(channel, method, _properties, body):
        global seen, began, latest
        latest = method.delivery_tag
        if seen == 0:
            began = time.perf_counter()
        seen += 1
        record = json.loads(body)
        canonical = json.dumps(record, sort_keys=True, separators=(",", ":"))
        digest = hashlib.sha256(canonical.encode()).hexdigest()
        if ledger.set(f"seen:{digest}", 1, nx=True):
            batch.append({**record, "lines": json.dumps(record["lines"])})
        if len(batch) >= 10 or seen == total:
            flush()
        if seen == total:
            channel.stop_consuming()

    signal.signal(signal.SIGTERM, lambda *_: connection.add_callback_threadsafe(channel.stop_consuming))
    channel.basic_consume(queue, on_message)
    channel.start_consuming()
    flush()
    print(time.perf_counter() - began)
    connection.close()
