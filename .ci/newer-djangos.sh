#!/usr/bin/env bash
# newer-djangos.sh DIRECTORY: unpacks the Djangos of Debian's newer releases below DIRECTORY, each with the Python
# packages that it needs newer, and prints the value of DJANGO_PATH. What is there already is not fetched again.
# Nothing is installed, and apt's own lists and sources stay as they are.
set -euo pipefail
[ $# -eq 1 ] || { echo 'usage: newer-djangos.sh DIRECTORY' >&2; exit 2; }
mkdir -p "$1"
directory=$(cd "$1" && pwd)
scratch=$(mktemp -d "$directory/.new-XXXXXX")
trap 'rm -rf "$scratch"' EXIT
# Pure Python all of them, so that the system's own Python runs them.
packages=(python3-django python3-asgiref python3-sqlparse python3-psycopg python3-typing-extensions)

for suite in trixie sid; do
  found=$(ls -d "$directory/$suite"/*/django 2>/dev/null | head -n 1) || true
  if [ -z "$found" ]; then
    state=$scratch/$suite
    mkdir -p "$state/lists/partial" "$state/cache/archives/partial" "$state/files" "$state/debs"
    : >"$state/status"
    echo "deb http://deb.debian.org/debian $suite main" >"$state/sources.list"
    apt=(apt-get -qq -o "Dir::Etc::SourceList=$state/sources.list" -o Dir::Etc::SourceParts=/dev/null
      -o "Dir::State::Lists=$state/lists" -o "Dir::State::Status=$state/status" -o "Dir::Cache=$state/cache"
      -o APT::Sandbox::User=root -o Acquire::Languages=none -o Acquire::Retries=3 -o Acquire::http::Timeout=20)
    "${apt[@]}" -o APT::Update::Error-Mode=any update >&2
    (cd "$state/debs" && "${apt[@]}" download "${packages[@]}" >&2)
    for deb in "$state"/debs/*.deb; do dpkg -x "$deb" "$state/files"; done
    unpacked=$state/files/usr/lib/python3/dist-packages
    version=$(sed -nE 's/^VERSION = \(([0-9]+), ([0-9]+),.*/\1.\2/p' "$unpacked/django/__init__.py")
    mkdir -p "$directory/$suite"
    mv "$unpacked" "$directory/$suite/$version"
    found=$directory/$suite/$version/django
  fi
  # As installing does. The tests have Python write no bytecode, so that each start would compile what it imports again,
  # which takes longer than all else.
  /usr/bin/python3 -m compileall -q "$(dirname "$found")" >&2 || echo 'Some of it could not be compiled ahead.' >&2
  paths=${paths:+$paths:}$(dirname "$found")
done
echo "$paths"
