#!/bin/sh
# Patroni runs this once, on the first primary: the user and the database of the pipeline, who may do no more than that.
# $1 is the superuser's URL.
set -eu
: "${POSTGRES_USER:?}" "${POSTGRES_PASSWORD:?}" "${POSTGRES_DB:?}"
psql --quiet --no-psqlrc --set ON_ERROR_STOP=1 "$1" <<'SQL'
\getenv user POSTGRES_USER
\getenv password POSTGRES_PASSWORD
\getenv database POSTGRES_DB
CREATE ROLE :"user" LOGIN PASSWORD :'password';
CREATE DATABASE :"database" OWNER :"user";
SQL
