#!/bin/sh
# Starts one of three Redis under Sentinels, here and in docker-compose.ha.yml: as the master if a majority of the Sentinels names it, else as a
# replica of whom they name. Until a majority agrees it waits, at the first start too: Sentinels begin with the first of the three. One that believed
# its own memory, or a single Sentinel, could be a second master.
set -eu
umask 077
: "${REDIS_PASSWORD:?the Secret tributary-redis has no password}"
redises=${REDISES:-redis-0.redis redis-1.redis redis-2.redis}
sentinels=${SENTINELS:-$redises}
self=${SELF:-$HOSTNAME.redis}
config=${CONFIG:-/tmp/redis.conf}
export REDISCLI_AUTH="$REDIS_PASSWORD"
# While it waits, a shell that is the first process of its container would not end.
trap 'exit 143' INT TERM

# What each Sentinel says that names one of the three; what else it says is an error.
answers() {
  for sentinel in $sentinels; do
    answer=$(timeout 3 redis-cli -h "$sentinel" -p 26379 SENTINEL GET-MASTER-ADDR-BY-NAME tributary 2>/dev/null | head -n 1)
    case " $redises " in *" $answer "*) [ -z "$answer" ] || echo "$answer" ;; esac
  done
}

# Whom a majority of all Sentinels names, those included that do not answer.
agreed() {
  majority=$(($(echo "$sentinels" | wc -w) / 2 + 1))
  answers | sort | uniq -c | while read -r count name; do
    [ "$count" -lt "$majority" ] || echo "$name"
  done
}

until master=$(agreed) && [ -n "$master" ]; do
  echo 'no majority of the Sentinels agrees yet who the master is; waiting'
  sleep 1
done

{
  echo 'port 6379'
  echo "dir ${DATA:-/data}"
  echo 'appendonly yes'
  # At its limit Redis refuses writes, and the pipeline waits. If it evicted keys instead, the ledger would have holes.
  echo "maxmemory ${MAXMEMORY:-1gb}"
  echo 'maxmemory-policy noeviction'
  echo "requirepass $REDIS_PASSWORD"
  echo "masterauth $REDIS_PASSWORD"
  # Names outlive the addresses of pods and containers.
  echo "replica-announce-ip $self"
  echo 'replica-announce-port 6379'
  # One copy for each replica is no more work than one for both here, and it begins 5 s earlier.
  echo 'repl-diskless-sync-delay 0'
  # A master that no replica hears takes no writes: another one may have taken over.
  echo 'min-replicas-to-write 1'
  echo 'min-replicas-max-lag 10'
  [ "$master" = "$self" ] || echo "replicaof $master 6379"
} >"$config"
echo "the master is $master"
exec redis-server "$config"
