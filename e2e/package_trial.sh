#!/bin/bash
# Tries the Debian package of this checkout: in a fresh Debian 12 tree (installed, upgraded, removed, purged), and on a node
# with systemd, where it is upgraded, stopped, killed, removed and purged below pods that write their logs. Prints what
# holds, a line each, and exits with 0 if all does.
#   e2e/package_trial.sh [--no-build]
# --no-build  tries the packages that the last run has made
# What it makes is in build/package-trial; DEBUG names the build that its tools come from (build/debug). Takes about four
# minutes and the build. Needs root, network, and scripts/install-packages build run package node.
set -euo pipefail
cd "$(dirname "$0")/.."

readonly WORK=$PWD/build/package-trial
readonly SOCKET=/run/crisp/crisp.sock
readonly CONFIG=/etc/crisp/config.toml
readonly PODS=(one two three)
export DEBIAN_FRONTEND=noninteractive

say() { printf '== %s\n' "$*"; }
die() { echo "package_trial.sh: $*" >&2 && exit 1; }

# check "what must hold" COMMAND...: says whether COMMAND succeeds.
failures=0
check() {
  local what=$1
  shift
  if "$@" >/tmp/check.log 2>&1; then
    echo "ok      $what"
  else
    echo "FAILED  $what: $*"
    sed 's/^/        /' /tmp/check.log
    failures=$((failures + 1))
  fi
}
not() { ! "$@"; }
is() { [[ $1 == "$2" ]] || { echo "$1, and not $2" && return 1; }; }
nothing() { [[ -z $1 ]] || { echo "$1" && return 1; }; }

# Waits for at most 60 seconds.
eventually() {
  local try
  for try in {1..600}; do
    ! "$@" >/dev/null 2>&1 || return 0
    sleep 0.1
  done
  "$@"
}

# ---- outside

# The built program of this name.
built() { find "${DEBUG:-build/debug}" -type f -name "$1" -perm -u+x -print -quit; }

# Makes another build of crisp-shim of the one in the package $1, by its name alone (shim/build.h).
rename_shim() {
  local dir=$WORK/repack
  local shim=$dir/usr/bin/crisp-shim note=$WORK/note
  rm -rf "$dir"
  dpkg-deb --raw-extract "$1" "$dir"
  objcopy --output-target binary --only-section .note.gnu.build-id "$shim" "$note"
  printf 'trial' | dd of="$note" bs=1 seek=$(($(stat -c %s "$note") - 5)) conv=notrunc status=none
  objcopy --update-section .note.gnu.build-id="$note" "$shim"
  (cd "$dir" && find etc usr lib -type f ! -path etc/crisp/config.toml -exec md5sum {} + >DEBIAN/md5sums)
  dpkg-deb --build --root-owner-group "$dir" "$1" >/dev/null
  rm -rf "$dir" "$note"
}

make_packages() {
  say "Making the packages"
  rm -rf "$WORK/debs" && mkdir -p "$WORK/debs"
  scripts/package
  cp build/package/crisp_*.deb "$WORK/debs/old.deb"
  scripts/package --version "$(dpkg-deb -f "$WORK/debs/old.deb" Version)+next"
  cp build/package/crisp_*.deb "$WORK/debs/new.deb"
  rename_shim "$WORK/debs/new.deb"
}

make_images() {
  local applet applets=() mkimage
  mkimage=$(built crisp-mkimage)
  rm -rf "$WORK/images" && mkdir -p "$WORK/images"
  for applet in sh sleep; do applets+=(--symlink "busybox:/bin/$applet"); done
  "$mkimage" "$WORK/images/pause" registry.k8s.io/pause:3.6 --file "$(built pause):/pause:0755" --entrypoint /pause
  "$mkimage" "$WORK/images/busybox" docker.io/library/busybox:latest --file "$(command -v busybox):/bin/busybox:0755" \
    "${applets[@]}" --env PATH=/bin --cmd sh
}

# A Debian tree as the installer leaves it, but smaller. It is kept; what is tried is a copy.
make_tree() {
  local mirror
  if [[ ! -e $WORK/fresh/made ]]; then
    say "Making a Debian tree"
    rm -rf --one-file-system "$WORK/fresh"
    mirror=$(apt-get indextargets --format '$(SITE)' 'Codename: bookworm' | head -n 1)
    debootstrap --variant=minbase --include=systemd,systemd-sysv,dbus,procps bookworm "$WORK/fresh" "$mirror" \
      >"$WORK/debootstrap.log" || die "debootstrap failed: $WORK/debootstrap.log"
    touch "$WORK/fresh/made"
  fi
  rm -rf --one-file-system "$WORK/tree"
  cp -a "$WORK/fresh" "$WORK/tree"
  rm -f "$WORK/tree/etc/apt/sources.list"
  cp -r /etc/apt/sources.list* /etc/apt/apt.conf.d /etc/apt/keyrings "$WORK/tree/etc/apt/" 2>/dev/null || true
  cp -L /etc/resolv.conf /etc/hosts "$WORK/tree/etc/"
}

try_in_tree() {
  say "In a fresh Debian tree"
  mkdir -p "$WORK/tree/trial" "$WORK/archives/partial"
  cp -r e2e "$WORK/debs" "$WORK/tree/trial/"
  unshare --mount --pid --fork --kill-child bash -euc '
    mount -t proc proc "$1/proc"
    mount --rbind /dev "$1/dev"
    mount --bind "$2" "$1/var/cache/apt/archives"
    exec chroot "$1" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 bash /trial/e2e/package_trial.sh --in-tree
  ' bash "$WORK/tree" "$WORK/archives"
  rm -r "$WORK/tree/trial"
}

try_on_node() {
  say "On a node with systemd"
  e2e/systemd_node.sh --tree "$WORK/tree" env PODS_CLIENT="$(realpath "$(built e2e-pods)")" e2e/package_trial.sh --on-node
}

# ---- in the tree, without a systemd

# What the package could leave.
files() {
  find / -xdev \( -path /proc -o -path /sys -o -path /dev -o -path /trial -o -path /node -o -path /tmp -o -path /var/log \
    -o -path /var/cache -o -path /var/lib/apt -o -path /var/lib/dpkg -o -path /var/lib/cni -o -path "$PWD" \) -prune \
    -o -print | sort
}

install_by_apt() {
  apt-get update -qq && apt-get install -qq -y -o APT::Keep-Downloaded-Packages=true /trial/debs/old.deb
}

conffiles() { dpkg-query -W -f '${Conffiles}\n' crisp | awk '{ print $1 }' | xargs; }
version_of() { dpkg-deb -f "$1" Version; }
installed_version() { dpkg-query -W -f '${Version}' crisp; }

in_tree() {
  local program before units=/etc/systemd/system
  check "apt installs it with what it needs" install_by_apt
  for program in crispd crisp-shim; do
    check "every library of $program is there" not grep -q 'not found' <(ldd /usr/bin/$program 2>&1)
  done
  check "crispd runs" crispd --version
  check "crispd finds no fault with its configuration" crispd config check --strict $CONFIG
  check "the OCI runtime comes along" runc --version
  check "CNI plugins come along" test -x /usr/lib/cni/bridge
  check "the configuration is the one conffile" is "$(conffiles)" $CONFIG
  check "only root reads it" is "$(stat -c '%a %U' $CONFIG /etc/crisp/conf.d | xargs)" "600 root 700 root"
  check "the service is enabled" test -L $units/multi-user.target.wants/crispd.service
  check "the socket is enabled" test -L $units/sockets.target.wants/crispd.socket
  check "systemd understands the units" systemd-analyze verify --man=no crispd.service crispd.socket
  check "examples are there" test -e /usr/share/doc/crisp/examples/crictl.yaml
  check "every file is as it was packed" nothing "$(dpkg --verify crisp)"

  echo '# the administrator was here' >>$CONFIG
  systemctl disable crispd.socket 2>/dev/null
  check "it is upgraded" dpkg -i /trial/debs/new.deb
  check "the version is the new one" is "$(installed_version)" "$(version_of /trial/debs/new.deb)"
  check "the administrator's configuration is kept" grep -q administrator $CONFIG
  check "a disabled socket stays disabled" not test -e $units/sockets.target.wants/crispd.socket
  check "it is removed" dpkg -r crisp
  check "the configuration stays" grep -q administrator $CONFIG
  check "it is purged" dpkg -P crisp
  check "nothing has its name any more" nothing "$(files | grep -i crisp)"
  before=$(files)
  check "it is installed once more" dpkg -i /trial/debs/old.deb
  check "it is purged once more" dpkg -P crisp
  check "the tree is as before" nothing "$(diff <(echo "$before") <(files))"
}

# ---- on the node

pods() { "$PODS_CLIENT" $SOCKET "$@"; }
property() { systemctl show --value --property "$2" "$1"; }
# The processes that must not change: shims, and counters without the children that they are about to be.
processes() { pgrep -x crisp-shim && pgrep -P "$(pgrep -d, -x crisp-shim)" -f '^/bin/sh -c i=0'; }
# Every shim runs the program that is installed.
shims_are_new() { nothing "$(pgrep -x crisp-shim | while read -r pid; do readlink "/proc/$pid/exe"; done | grep deleted)"; }
is_active() { is "$(systemctl is-active "$1")" active; }
# That of the service is not what it was, and it serves.
is_another_daemon() { [[ $(property crispd MainPID) != "$1" && $(property crispd MainPID) != 0 ]] && is_active crispd; }

# The log of a pod has each of its numbered lines, once and in order.
log_is_whole() {
  awk '{ if ($3 != "F" || $5 != n++) { print "line " NR ": " $0; exit bad = 1 } } END { exit bad || n < 100 }' \
    "/var/log/pods/$1.log"
}
lines() { cat /var/log/pods/*.log | wc -l; }
logs_grow() { [[ $(lines) -gt $1 ]]; }

check_pods() {
  local pod
  for pod in "${PODS[@]}"; do check "$1: the log of pod $pod has no gap" log_is_whole "$pod"; done
  check "$1: shims and containers are the same processes" is "$(processes | xargs)" "$processes"
  check "$1: containers go on writing" eventually logs_grow "$(lines)"
}

check_served() {
  check "$1: every pod is ready" is "$(pods list | grep -c '^pod .* SANDBOX_READY$')" ${#PODS[@]}
  check "$1: every container runs" is "$(pods list | grep -c '^container .* CONTAINER_RUNNING$')" ${#PODS[@]}
}

# Calls as crictl does until the file calls/stop is there: a connection each.
call_on() {
  local start
  while [[ ! -e calls/stop ]]; do
    start=$(date +%s%N)
    pods version >>calls/failed 2>&1 || echo >>calls/failed
    echo $((($(date +%s%N) - start) / 1000000)) >>calls/milliseconds
  done
}
start_calls() {
  rm -rf calls && mkdir calls && touch calls/failed
  call_on &
}
stop_calls() {
  touch calls/stop
  wait
  check "$1: no call has failed" nothing "$(cat calls/failed)"
  echo "        $(wc -l <calls/milliseconds) calls, the longest took $(sort -n calls/milliseconds | tail -n 1) ms"
}

configure() {
  cat >/etc/crisp/conf.d/trial.toml <<END
version = 3
[plugins."io.containerd.cri.v1.runtime"]
  restrict_oom_score_adj = true
[crisp]
  preload_dir = "$WORK/images"
END
  mkdir -p /etc/cni/net.d
  cp /usr/share/doc/crisp/examples/cni/10-crisp.conflist /etc/cni/net.d/
}

on_node_install() {
  check "it is installed" dpkg -i "$WORK/debs/old.deb"
  check "the service is active" is_active crispd.service
  check "the socket is active" is_active crispd.socket
  check "it says that it serves" is "$(property crispd StatusText)" "serving $SOCKET"
  check "systemd watches it" is "$(property crispd WatchdogUSec)" 2min
  check "the doctor finds no fault with the unit" is "$(crispd doctor --json --check unit | grep -o '"verdict":"[a-z]*"' |
    sort -u)" '"verdict":"ok"'
  configure
  check "it is restarted" systemctl restart crispd
  systemd-analyze security --no-pager crispd.service >"$WORK/security" 2>&1
  echo "        $(tail -n 1 "$WORK/security")"
}

on_node_run() {
  local pod
  mkdir -p /var/log/pods
  for pod in "${PODS[@]}"; do check "pod $pod runs" pods run "$pod" /var/log/pods; done
  check "they write" eventually logs_grow 1000
  processes=$(processes | xargs)
  check "a shim and a container for each" is "$(wc -w <<<"$processes")" $((2 * ${#PODS[@]}))
}

on_node_upgrade() {
  local daemon inode
  echo '# the administrator was here' >>$CONFIG
  daemon=$(property crispd MainPID)
  inode=$(stat -c %i $SOCKET)
  start_calls
  sleep 1
  check "it is upgraded below pods" dpkg -i "$WORK/debs/new.deb"
  sleep 1
  stop_calls upgrade
  check "upgrade: crispd is another process" is_another_daemon "$daemon"
  check "upgrade: it is the new program" not grep -q deleted <(readlink "/proc/$(property crispd MainPID)/exe")
  check "upgrade: so are the shims'" eventually shims_are_new
  check "upgrade: the socket is the same" is "$(stat -c %i $SOCKET)" "$inode"
  check "upgrade: the administrator's configuration is kept" grep -q administrator $CONFIG
  check_served upgrade
  check_pods upgrade
}

on_node_stop() {
  check "crispd is stopped" systemctl stop crispd.service
  check_pods stop
  check "a call starts it" pods version
  check_served "start by a call"
}

on_node_die() {
  local daemon
  daemon=$(property crispd MainPID)
  kill -KILL "$daemon"
  check "killed: systemd starts it again" eventually is_another_daemon "$daemon"
  check_served killed

  mkdir -p /run/systemd/system/crispd.service.d
  printf '[Service]\nWatchdogSec=4s\nTimeoutAbortSec=2s\nLimitCORE=0\n' >/run/systemd/system/crispd.service.d/trial.conf
  systemctl daemon-reload
  systemctl restart crispd
  daemon=$(property crispd MainPID)
  sleep 10
  check "it lives with a watchdog of 4 seconds" is "$(property crispd MainPID)" "$daemon"
  kill -STOP "$daemon"
  check "hanging: the watchdog has it started again" eventually is_another_daemon "$daemon"
  check_served hanging
  rm -r /run/systemd/system/crispd.service.d
  systemctl daemon-reload
  check_pods "killed, hanging"
}

on_node_remove() {
  check "it is removed below pods" dpkg -r crisp
  check "remove: the service has ended" not systemctl is-active crispd.service
  check "remove: the socket has ended" not systemctl is-active crispd.socket
  check_pods remove
  dpkg -P crisp >purge.log 2>&1
  check "purge below pods: it says what stays" grep -q "pods are left" purge.log
  check_pods "purge below pods"
  check "it is installed again" dpkg -i "$WORK/debs/new.deb"
  check_served "installed again"
  configure
  check "every pod is removed" pods remove
  check "no process of a pod is left" not pgrep -x crisp-shim
  check "it is purged" dpkg -P crisp
  rm -r /var/log/pods /etc/cni/net.d/10-crisp.conflist
}

on_node() {
  local before calls_dir processes
  calls_dir=$(mktemp -d)
  # An overlay cannot lie on the overlay that this node's root is.
  mkdir -p /node/tmp/crisp /var/lib/crisp
  mount --bind /node/tmp/crisp /var/lib/crisp
  before=$(files)
  cd "$calls_dir"
  on_node_install
  on_node_run
  on_node_upgrade
  on_node_stop
  on_node_die
  on_node_remove
  cd "$WORK/../.."
  check "images and records are gone" nothing "$(ls -A /var/lib/crisp)"
  check "/run/crisp is gone" not test -e /run/crisp
  check "no mount is left" nothing "$(grep /run/crisp /proc/self/mountinfo)"
  check "no network namespace is left" nothing "$(ls -A /run/netns 2>/dev/null)"
  rm -rf "$calls_dir"
  check "the node is as before" nothing "$(diff <(echo "$before") <(files) | grep '^[<>]' | grep -v /etc/cni)"
}

# ----

build=1
case ${1:-} in
  "") ;;
  --no-build) build= ;;
  --in-tree)
    set +e  # checks count, and do not end it
    in_tree
    exit $((failures > 0))
    ;;
  --on-node)
    set +e
    on_node
    [[ $failures -eq 0 ]] || journalctl --no-pager -u crispd -n 60
    exit $((failures > 0))
    ;;
  *) sed -n '2,/^set/s/^# \{0,1\}//p' "$0" >&2 && exit 2 ;;
esac
[[ $EUID -eq 0 ]] || die "needs root"
mkdir -p "$WORK"
[[ -z $build ]] || make_packages
make_images
make_tree
try_in_tree
try_on_node
