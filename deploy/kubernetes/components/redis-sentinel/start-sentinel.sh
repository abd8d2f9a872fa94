#!/bin/sh
# Starts the Sentinel of this pod. What it knows stays on the volume; at its first start pod 0 is the master.
set -eu
umask 077
: "${REDIS_PASSWORD:?the Secret tributary-redis has no password}"
config=${DATA:-/data}/sentinel.conf

[ -s "$config" ] || {
  echo 'port 26379'
  echo 'dir /tmp'
  echo 'sentinel resolve-hostnames yes'
  echo 'sentinel announce-hostnames yes'
  echo "sentinel announce-ip ${SELF:-$HOSTNAME.redis}"
  echo 'sentinel announce-port 26379'
  echo "sentinel monitor tributary ${FIRST_MASTER:-redis-0.redis} 6379 2"
  echo "sentinel auth-pass tributary $REDIS_PASSWORD"
  echo 'sentinel down-after-milliseconds tributary 5000'
  echo 'sentinel failover-timeout tributary 30000'
  echo 'sentinel parallel-syncs tributary 1'
  # Of the Sentinels themselves, for clients and for each other.
  echo "requirepass $REDIS_PASSWORD"
  echo "sentinel sentinel-pass $REDIS_PASSWORD"
} >"$config"
exec redis-server "$config" --sentinel
