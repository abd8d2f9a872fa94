#!/bin/sh
# Starts a Redis of docker-compose.ha.yml: as the master if two of the three Sentinels say so, else as a replica of whom they name. Until two
# agree it waits: one that believed its own memory, or a single Sentinel, could be a second master.
set -eu
umask 077
: "${REDIS_PASSWORD:?}" "${SELF:?}"
config=${CONFIG:-/tmp/redis.conf}
export REDISCLI_AUTH="$REDIS_PASSWORD"

# The names that at least two have given; there can be one such.
agreed() {
  for sentinel in ${SENTINELS:-sentinel-1 sentinel-2 sentinel-3}; do
    timeout 3 redis-cli -h "$sentinel" -p 26379 SENTINEL GET-MASTER-ADDR-BY-NAME tributary 2>/dev/null | head -n 1
  done | grep -x 'redis[-0-9]*' | sort | uniq -d
}

until master=$(agreed) && [ -n "$master" ]; do
  echo 'no two Sentinels agree yet who the master is; waiting'
  sleep 1
done

{
  echo 'port 6379'
  echo "dir ${DATA:-/data}"
  echo 'appendonly yes'
  # At its limit Redis refuses writes, and the pipeline waits. If it evicted keys instead, the ledger would have holes.
  echo 'maxmemory 384mb'
  echo 'maxmemory-policy noeviction'
  echo "requirepass $REDIS_PASSWORD"
  echo "masterauth $REDIS_PASSWORD"
  # Names outlive the addresses of containers.
  echo "replica-announce-ip $SELF"
  echo 'replica-announce-port 6379'
  # One copy for each replica is no more work than one for both here, and it begins 5 s earlier.
  echo 'repl-diskless-sync-delay 0'
  # A master that no replica hears takes no writes: another one may have taken over.
  echo 'min-replicas-to-write 1'
  echo 'min-replicas-max-lag 10'
  [ "$master" = "$SELF" ] || echo "replicaof $master 6379"
} >"$config"
echo "the master is $master"
exec redis-server "$config"
