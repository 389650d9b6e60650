#!/bin/sh
# The Dockerfile's steps in a bare Debian below FOLDER, and their outcome run as the image runs:
# not as root, on a read-only file system, with a volume of its own. For machines without Docker.
#
#   deploy/check_image.sh build FOLDER    needs root and debootstrap; takes some minutes
#   deploy/check_image.sh run FOLDER DATA [PORT]    serves until it is ended
#
# PIP_* of the environment count in the build; BINDS names folders that pip needs there, too.
set -eu
act=$1; root=$(realpath -m "$2"); here=$(realpath "$(dirname "$0")/..")
python=/opt/contact-center/bin/python

build() {
  [ -x "$root/usr/bin/python3" ] || debootstrap --variant=minbase \
    --include=python3,python3-venv,ca-certificates,binutils bookworm "$root"
  mkdir -p "$root/src" "$root/wheel"
  for file in /etc/resolv.conf /etc/pip.conf; do [ ! -f $file ] || cp $file "$root$file"; done
  cp /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/ca-certificates.crt"
  # What the Dockerfile copies.
  sed -n 's/^COPY \([^-].*\)/\1/p' "$here/Dockerfile" | while read -r line; do
    target=${line##* }
    for source in ${line% *}; do
      case $target in
        */) to="$root/$(basename "$target")/$source"; [ "$target" = /src/ ] || to="$root/src/$source" ;;
        *) to="$root/src/$target" ;;
      esac
      rm -rf "$to"; mkdir -p "$(dirname "$to")"; cp -r "$here/$source" "$to"
    done
  done
  find "$root/src" -name __pycache__ -prune -exec rm -rf {} +
  # shellcheck disable=SC2016
  unshare --mount sh -euc '
    root=$1; shift
    mount --make-rprivate /
    mount -t proc proc "$root/proc"; mount --rbind /dev "$root/dev"
    for bind in ${BINDS:-}; do mkdir -p "$root$bind"; mount --bind "$bind" "$root$bind"; done
    exec chroot "$root" sh -euc "$1"
  ' build "$root" '
    cd /src
    rm -rf /opt/contact-center
    python3 -m venv --without-pip /opt/contact-center
    # Debian keeps pip apart from Python; the image that the Dockerfile begins with has it.
    [ -x /opt/pip/bin/pip ] || python3 -m venv /opt/pip
    pip="/opt/pip/bin/pip --disable-pip-version-check --no-cache-dir --python /opt/contact-center/bin/python"
    sed -n "/^\(obstore\|opentelemetry[a-z-]*\|googleapis-common-protos\)==/,/[^\\\\]\$/p" requirements-dev.lock > extra.lock
    $pip install -q --no-compile --require-hashes -r requirements.lock
    $pip install -q --no-compile --require-hashes --no-deps -r extra.lock
    /opt/pip/bin/pip wheel -q --no-deps --wheel-dir /wheel .
    $pip install -q --no-compile --no-deps /wheel/*.whl
    python3 deploy/slim.py /opt/contact-center
    getent group contact >/dev/null || groupadd --gid 10001 contact
    id contact >/dev/null 2>&1 || useradd --uid 10001 --gid contact --no-create-home --home-dir /data contact
    install -d -o contact -g contact -m 700 /data /backups
  '
  echo "unpacked: $(du -sm "$root/opt/contact-center" | cut -f1) MB, beside Python's own image"
}

run() {
  data=$(realpath -m "$1"); port=${2:-8080}
  mkdir -p "$data"; chown 10001:10001 "$data"; chmod 700 "$data"
  # shellcheck disable=SC2016
  exec unshare --mount sh -euc '
    root=$1 data=$2 port=$3
    mount --make-rprivate /
    mount --bind "$root" "$root"
    mount -t proc proc "$root/proc"; mount --rbind /dev "$root/dev"
    mount --bind "$data" "$root/data"
    mount -t tmpfs -o size=256m tmpfs "$root/tmp"
    mount -o remount,bind,ro "$root"
    exec chroot --userspec=10001:10001 "$root" /usr/bin/env -i LANG=C.UTF-8 \
      PATH=/opt/contact-center/bin:/usr/bin:/bin PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 \
      HOST=127.0.0.1 PORT="$port" DATA_DIR=/data LOG_FORMAT=json contact-center run
  ' run "$root" "$data" "$port"
}

shift 2
case $act in
  build) build ;;
  run) [ -x "$root$python" ] || { echo "build it first" >&2; exit 2; }; run "$@" ;;
  *) echo "build or run" >&2; exit 2 ;;
esac
