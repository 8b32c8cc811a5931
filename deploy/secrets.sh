#!/bin/sh
# Makes the secrets of profile `team` of compose.yaml in deploy/secrets, once: what is there stays as it is.
set -eu
umask 022
folder=$(dirname "$0")/secrets
mkdir -p "$folder" && chmod 700 "$folder"
cd "$folder"

random() { od -An -N "$1" -tx1 /dev/urandom | tr -d ' \n'; }
# The files are read inside the containers by users of theirs; here only who may enter the folder reads them.
keep() { [ -s "$1" ] || cat >"$1"; }

random 32 | keep hub
random 24 | keep postgres
printf 'postgres://hub:%s@postgres/hub' "$(cat postgres)" | keep database_url
printf '{"identities":[{"name":"hub","credentials":[{"accessKey":"hub","secretKey":"%s"}],"actions":["Admin","Read","Write","List","Tagging"]}]}' \
  "$(random 24)" | keep s3.json
key=$(sed 's/.*"secretKey":"\([^"]*\)".*/\1/' s3.json)
printf 's3://hub:%s@mshub?endpoint=http://s3:8333&public_endpoint=http://localhost:8333&region=us-east-1&path_style=true' "$key" |
  keep objects_url
printf 'smtp://mail:1025?tls=none&from=mshub@example.org' | keep mail_url
echo "the secrets are in $(pwd)"
