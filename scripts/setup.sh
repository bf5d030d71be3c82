#!/usr/bin/env bash
# Sets up the named parts of this repository, each only where it is not there yet:
#   runtime   .venv with what the agent needs
#   dev       .venv with what tests and benchmarks need too
#   peers     .venv-peers with what the benchmark compares with
#   livekit   livekit-server, unless there is one on PATH
#   page      the built page
#   models    the speech models, once; where they cannot be fetched the demo pair serves
#   fetch     the speech models, now
#   programs  what the tests need besides: with apt as root, else the command is said
#
# A part that is done leaves a stamp with the checksum of what it was made from. Stamps are written
# last, so that an interrupted part is made again.
set -euo pipefail
cd "$(dirname "$0")/.."

LIVEKIT_VERSION=v1.13.5
LIVEKIT_MODULE=github.com/livekit/livekit-server/cmd/server
PAGE=services/web/page
export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INPUT=1

say() { printf 'setup: %s\n' "$*"; }

missing=0
need() { # what, how to get it
    printf 'setup: %s is missing: %s\n' "$1" "$2" >&2
    missing=1
}

checksum() { cat "$@" | cksum; }

stamped() { # stamp, checksum
    [ -f "$1" ] && [ "$(cat "$1")" = "$2" ]
}

at_least() { # version, least version: both like 1.26
    [ "$(printf '%s\n%s\n' "$2" "$1" | sort -t. -k1,1n -k2,2n | head -n 1)" = "$2" ]
}

find_python() {
    local candidate
    for candidate in "${PYTHON:-}" python3 python3.14 python3.13 python3.12 python3.11; do
        [ -n "$candidate" ] || continue
        candidate=$(PATH=$outer_path command -v "$candidate" 2>/dev/null) || continue
        if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            printf '%s\n' "$candidate"
            return
        fi
    done
}

# The Makefile puts .venv/bin first; what the machine itself has is on the rest.
outer_path=$(printf '%s' ":$PATH:" | sed "s|:$PWD/.venv/bin:|:|g; s|^:||; s|:$||")

virtual_environment_works() { # folder
    [ -f "$1/.made" ] && [ ! -f "$1/.installing" ] && "$1/bin/python" -c '' 2>/dev/null
}

python_wanted() { # folder, lock
    ! virtual_environment_works "$1" || ! stamped "$1/.installed" "$(checksum "$2")"
}

runtime_wanted() {
    # The lock for development has all of the one for running.
    python_wanted .venv requirements.lock && python_wanted .venv requirements-dev.lock
}

page_sources() {
    find $PAGE -name node_modules -prune -o -type f -print | LC_ALL=C sort
}

page_checksum() {
    { page_sources; page_sources | tr '\n' '\0' | xargs -0 cat; } | cksum
}

page_wanted() {
    [ ! -f services/web/static/index.html ] || ! stamped $PAGE/node_modules/.built "$(page_checksum)"
}

livekit_wanted() {
    if PATH=$outer_path command -v livekit-server >/dev/null; then
        return 1
    fi
    [ ! -x .venv/bin/livekit-server ] || ! stamped .venv/.livekit-server "$LIVEKIT_VERSION"
}

find_chromium() {
    local name
    for name in chromium chromium-browser google-chrome google-chrome-stable; do
        command -v "$name" && return
    done
    for name in "/Applications/Chromium.app/Contents/MacOS/Chromium" \
        "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"; do
        [ -x "$name" ] && printf '%s\n' "$name" && return
    done
    return 1
}

check_python() {
    local python
    python=$(find_python)
    if [ -z "$python" ]; then
        need 'Python 3.11 or newer' 'install it from python.org or your package manager (python3)'
    elif ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
        need "Python's venv" 'install your package manager'"'"'s python3-venv'
    fi
}

check_node() {
    local version
    version=$(node --version 2>/dev/null | tr -d v) || version=
    if [ -z "$version" ]; then
        need 'Node.js 20 or newer' 'install it from nodejs.org or your package manager (nodejs)'
    elif ! at_least "$version" 20.0; then
        need 'Node.js 20 or newer' "this is $version; install it from nodejs.org"
    fi
    command -v npm >/dev/null ||
        need npm 'install it with Node.js from nodejs.org or your package manager (npm)'
}

check_go() {
    local version
    version=$(go env GOVERSION 2>/dev/null | sed 's/^go//') || version=
    if [ -z "$version" ]; then
        need 'Go 1.26 or newer' \
            'install it from go.dev, or get a livekit-server: brew install livekit (macOS), curl -sSL https://get.livekit.io | bash (Linux)'
    elif ! at_least "$version" 1.26; then
        need 'Go 1.26 or newer' "this is $version; install it from go.dev"
    fi
}

# Programs and libraries, each with the Debian package that has it.
TEST_PROGRAMS='espeak-ng:espeak-ng flite:flite strace:strace promtool:prometheus caddy:caddy
    systemd-analyze:systemd ip:iproute2'

missing_packages() {
    # Some lie where only root looks by itself.
    local pair PATH="$PATH:/usr/sbin:/sbin"
    find_chromium >/dev/null || printf ' chromium'
    for pair in $TEST_PROGRAMS; do
        command -v "${pair%%:*}" >/dev/null || printf ' %s' "${pair##*:}"
    done
    # Elsewhere PortAudio comes with the Python package.
    if [ "$(uname)" = Linux ] && ! ldconfig -p | grep -q libportaudio; then
        printf ' libportaudio2'
    fi
}

can_install_packages() {
    [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null
}

check_programs() {
    local packages
    packages=$(missing_packages)
    if [ -n "$packages" ] && ! can_install_packages; then
        need 'what the tests need' "sudo apt-get install$packages"
    fi
}

install_programs() {
    local packages
    packages=$(missing_packages)
    [ -n "$packages" ] || return 0
    say "installing$packages"
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq
    # shellcheck disable=SC2086
    apt-get install -y -qq --no-install-recommends $packages >/dev/null
}

check_prerequisites() {
    local part python_checked=
    for part in "$@"; do
        case $part in
        runtime) if runtime_wanted; then python_checked=${python_checked:-1}; fi ;;
        dev) if python_wanted .venv requirements-dev.lock; then python_checked=1; fi ;;
        peers) if python_wanted .venv-peers requirements-peers.lock; then python_checked=1; fi ;;
        livekit) if livekit_wanted; then check_go; fi ;;
        page) if page_wanted; then check_node; fi ;;
        models | fetch) ;;
        programs) check_programs ;;
        *)
            printf 'setup: there is no part %s\n' "$part" >&2
            exit 2
            ;;
        esac
    done
    if [ -n "$python_checked" ]; then check_python; fi
    if [ $missing -ne 0 ]; then exit 1; fi
}

install_python() { # folder, lock
    local folder=$1 lock=$2
    if ! virtual_environment_works "$folder"; then
        say "making $folder with $(find_python)"
        rm -rf "$folder"
        "$(find_python)" -m venv "$folder"
        : >"$folder/.made"
    fi
    say "installing $lock"
    : >"$folder/.installing"
    "$folder/bin/python" -m pip install --quiet --require-hashes -r requirements-setup.lock
    # pip takes minutes where uv takes seconds, but knows mirrors that are set for pip alone.
    "$folder/bin/python" -m uv pip install --quiet --compile-bytecode --require-hashes \
        --python "$folder/bin/python" --requirement "$lock" ||
        "$folder/bin/python" -m pip install --quiet --require-hashes --requirement "$lock"
    checksum "$lock" >"$folder/.installed"
    rm "$folder/.installing"
}

install_livekit() {
    local folder=$PWD/.venv/.go
    say "building livekit-server $LIVEKIT_VERSION (some minutes, once)"
    mkdir -p .venv/bin "$folder"
    GOBIN=$folder go install "$LIVEKIT_MODULE@$LIVEKIT_VERSION"
    mv "$folder/server" .venv/bin/livekit-server
    rmdir "$folder"
    printf '%s\n' "$LIVEKIT_VERSION" >.venv/.livekit-server
}

build_page() {
    local sources
    sources=$(page_checksum)
    if ! stamped $PAGE/node_modules/.installed "$(checksum $PAGE/package-lock.json)"; then
        say 'installing what the page is built with'
        npm --prefix $PAGE ci --silent --no-audit --no-fund
        checksum $PAGE/package-lock.json >$PAGE/node_modules/.installed
    fi
    say 'building the page'
    npm --prefix $PAGE run --silent build -- --logLevel warn
    printf '%s\n' "$sources" >$PAGE/node_modules/.built
}

fetch_models() {
    local stamp=.venv/.models-tried wanted
    wanted=$(checksum services/models/catalogue.py $([ -f .env ] && echo .env))
    # Tried once for each choice, so that a machine without network does not wait at each start.
    if [ "$1" = once ] && [ -d models ] && stamped $stamp "$wanted"; then return; fi
    if ! .venv/bin/python -m agent download-files --or-demo; then
        say 'the speech models could not be fetched; the demo pair serves. Try again: make models'
    fi
    printf '%s\n' "$wanted" >$stamp
}

check_prerequisites "$@"
for part in "$@"; do
    case $part in
    runtime) if runtime_wanted; then install_python .venv requirements.lock; fi ;;
    dev)
        if python_wanted .venv requirements-dev.lock; then
            install_python .venv requirements-dev.lock
        fi
        ;;
    peers)
        if python_wanted .venv-peers requirements-peers.lock; then
            install_python .venv-peers requirements-peers.lock
        fi
        ;;
    livekit) if livekit_wanted; then install_livekit; fi ;;
    page) if page_wanted; then build_page; fi ;;
    programs) install_programs ;;
    models) fetch_models once ;;
    fetch) fetch_models now ;;
    esac
done
