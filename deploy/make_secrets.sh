#!/bin/sh
# Makes deploy/secrets/ for compose.yaml: random passwords where there are none yet. Files that are
# there stay as they are; an openai_api_key has to be put in by hand, or stays a word that is none.
set -eu
cd "$(dirname "$0")"
umask 077
mkdir -p secrets
random() { od -An -N24 -tx1 /dev/urandom | tr -d ' \n'; }
make() { [ -s "secrets/$1" ] || printf '%s\n' "$2" > "secrets/$1"; }
for name in secret_key mongodb_password qdrant_api_key redis_password backup_key metrics_token; do
  make "$name" "$(random)"
done
[ -s secrets/mongodb_keyfile ] || { random; random; random; } > secrets/mongodb_keyfile
make mongodb_uri "mongodb://contact:$(cat secrets/mongodb_password)@mongodb:27017/contact_center?replicaSet=rs0&authSource=admin"
make redis_url "redis://:$(cat secrets/redis_password)@redis:6379/0"
make openai_api_key none
# The containers' user is none of this machine's: the folder keeps others out, not the files.
chmod 700 secrets
chmod 644 secrets/*
echo "deploy/secrets/ is there. Keep a copy of backup_key elsewhere."
