#!/bin/sh
# Starts the Redis of this pod. The master is whom a Sentinel names; where none answers, whom the Sentinel of this pod named last; at the very
# first start pod 0. Everything else would let a pod that comes back believe that it is the master beside the one that took over.
set -eu
umask 077
: "${REDIS_PASSWORD:?the Secret tributary-redis has no password}"
data=${DATA:-/data}
config=${CONFIG:-/tmp/redis.conf}
self=$HOSTNAME.redis
export REDISCLI_AUTH="$REDIS_PASSWORD"

master=
for number in 0 1 2; do
  answer=$(timeout 3 redis-cli -h "redis-$number.redis" -p 26379 SENTINEL GET-MASTER-ADDR-BY-NAME tributary 2>/dev/null | head -n 1) || answer=
  case $answer in redis-*.redis) master=$answer; break ;; esac
done
if [ -z "$master" ] && [ -f "$data/sentinel.conf" ]; then
  master=$(sed -n 's/^sentinel monitor tributary \([^ ]*\) .*/\1/p' "$data/sentinel.conf")
fi
[ -n "$master" ] || master=redis-0.redis

{
  echo 'port 6379'
  echo "dir $data"
  echo 'appendonly yes'
  # At its limit Redis refuses writes, and the pipeline waits. If it evicted keys instead, the ledger would have holes.
  echo 'maxmemory 1gb'
  echo 'maxmemory-policy noeviction'
  echo "requirepass $REDIS_PASSWORD"
  echo "masterauth $REDIS_PASSWORD"
  # Names outlive the addresses of pods.
  echo "replica-announce-ip $self"
  echo 'replica-announce-port 6379'
  [ "$master" = "$self" ] || echo "replicaof $master 6379"
} >"$config"
echo "the master is $master"
exec redis-server "$config"
