#!/bin/sh
# Makes the certificates for docker-compose.team.yml: an authority of your own, and with it those of Redis and of the proxy before the dashboard.
#   sh deploy/tls/make.sh [FOLDER] [NAME ...]      the names by which browsers reach the dashboard (default: ./tls, localhost)
# What is there already stays: remove a .pem to have it made anew. A certificate of a public authority takes the place of proxy.pem and proxy-key.pem.
set -eu
folder=${1:-tls}
[ $# -eq 0 ] || shift
[ $# -gt 0 ] || set -- localhost
# Users of the containers have to read the keys, which compose mounts one by one; the folder keeps everybody else on this machine out.
mkdir -p "$folder"
chmod 700 "$folder"
cd "$folder"

if [ ! -f ca.pem ]; then
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 3650 -subj '/CN=Tributary of this team' \
    -addext 'basicConstraints=critical,CA:TRUE' -addext 'keyUsage=critical,keyCertSign,cRLSign' -keyout ca-key.pem -out ca.pem 2>/dev/null
  chmod 600 ca-key.pem
fi

# certificate NAME HOST...: signed by the authority, for these hosts.
certificate() {
  name=$1
  shift
  [ ! -f "$name.pem" ] || return 0
  hosts=
  for host; do
    case $host in
      *:* | [0-9]*.[0-9]*.[0-9]*.[0-9]*) hosts=$hosts,IP:$host ;;
      *) hosts=$hosts,DNS:$host ;;
    esac
  done
  printf 'subjectAltName=%s\nextendedKeyUsage=serverAuth\nbasicConstraints=CA:FALSE\n' "${hosts#,}" >"$name.ext"
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj "/CN=$1" -keyout "$name-key.pem" -out "$name.csr" 2>/dev/null
  openssl x509 -req -in "$name.csr" -CA ca.pem -CAkey ca-key.pem -CAcreateserial -days 825 -extfile "$name.ext" -out "$name.pem" 2>/dev/null
  rm -f "$name.csr" "$name.ext"
  chmod 644 "$name.pem" "$name-key.pem"
  echo "made $folder/$name.pem for $*"
}

certificate redis redis localhost 127.0.0.1
certificate proxy "$@"
