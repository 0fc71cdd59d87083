#!/bin/bash
# Runs critest, the conformance suite of cri-tools, against a crispd that it starts, in mount, network, IPC and process
# namespaces of their own, with every image from a registry in there. Says what passed, failed and was skipped, and why.
#   e2e/critest.sh [ENDPOINT] [CRITEST_FLAG]...
#   e2e/critest.sh --ginkgo.focus 'port mapping'
#   e2e/critest.sh -websocket-exec -websocket-attach -websocket-portforward
# ENDPOINT (unix:///run/crisp.sock) is where crispd will listen. Exits with 0 if no spec failed that can pass with the
# images made here (e2e/critest/known), and if there is no critest.
#
#   CRITEST=PROGRAM     critest; else the one in PATH
#   BUILD=DIR           where crisp is built (build/debug)
#   OCI_RUNTIME=PROGRAM what makes the containers (runc)
#   SYSTEMD_CGROUP=1    with the systemd cgroup driver: where systemd is process 1 and sees the same processes
#   CONFIG=FILE         more of crispd's configuration, in TOML
#   RUNS=N              so many critests after each other, on one crispd (1)
#   KEEP=DIR            puts critest's output, its reports and crispd's log there
set -euo pipefail
cd "$(dirname "$0")/.."

readonly REGISTRY_PORT=5000
readonly CRITEST_TIME_LIMIT=45m

say() { printf '== %s\n' "$*"; }
die() { echo "critest.sh: $*" >&2 && exit 1; }

# The built program of this name; it is where its CMake target put it.
built() { find "$BUILD" -type f -name "$1" -perm -u+x -print -quit; }

# ---- outside: what is needed, and the images, which a build makes once

check_machine() {
  CRITEST=$(command -v "${CRITEST:-critest}") ||
    { echo "SKIPPED: no critest in PATH, and CRITEST names none; it comes with github.com/kubernetes-sigs/cri-tools" && exit 0; }
  [[ $EUID -eq 0 ]] || die "needs root: it mounts, makes namespaces and runs containers"
  local tool
  for tool in "$OCI_RUNTIME" docker-registry skopeo busybox iptables ip ipcmk; do
    command -v "$tool" >/dev/null || die "needs $tool: scripts/install-packages run test"
  done
  for tool in crispd crisp-shim crisp-mkimage crisp-demo pause critest-privileges critest-shell; do
    [[ -n $(built $tool) ]] || die "no $tool in $BUILD: cmake --build --preset $(basename "$BUILD") --target $tool"
  done
}

make_images() {
  local stamp
  exec 9>"$BUILD/critest-images.lock"
  flock 9
  stamp=$(stat -c '%n %s %Y' "$(command -v busybox)" "$(built pause)" "$(built critest-privileges)" \
    "$(built critest-shell)" "$(built crisp-mkimage)" e2e/critest/make_images e2e/critest/rootfs/*)
  if [[ $(cat "$BUILD/critest-images/stamp" 2>/dev/null) != "$stamp" ]]; then
    say "Making images"
    unshare --net --pid --fork --kill-child --mount-proc bash -euc '
      ip link set lo up
      e2e/critest/make_images "$1" "$1/critest-images/store"
    ' bash "$BUILD"
    echo "$stamp" >"$BUILD/critest-images/stamp"
  fi
  exec 9>&-
}

# The cgroups at the top of every hierarchy that have a container's name: critest has pods there under cgroupfs.
container_cgroups() {
  find /sys/fs/cgroup -maxdepth 2 -type d -regextype posix-extended -regex '.*/[0-9a-f]{64}' 2>/dev/null | sort
}

# What a crispd that was killed has left. Its processes have ended with their namespace; their cgroups are ours if
# crispd's log knows their names.
remove_left_cgroups() {
  local cgroup
  for cgroup in $(comm -13 "$dir/cgroups-before" <(container_cgroups)); do
    grep -qs "$(basename "$cgroup")" "$dir/crispd.log" || continue
    echo "critest.sh: was left, and is removed now: $(find "$cgroup" -type d | tr '\n' ' ')" >&2
    find "$cgroup" -depth -type d -exec rmdir {} + 2>/dev/null || true
  done
}

# When this script is told to end, what runs in the namespaces is told by it: it takes its pods down.
end_inside() {
  local inner
  [[ -n $child ]] && kill -0 "$child" 2>/dev/null || return
  for inner in $(cat "/proc/$child/task/$child/children"); do kill -TERM "$inner"; done
  wait "$child"
}

cleanup_outside() {
  local status=$?
  trap '' INT TERM
  set +e
  end_inside
  remove_left_cgroups
  if [[ -n $KEEP ]]; then
    mkdir -p "$KEEP" && cp "$dir"/*.log "$dir"/*.xml "$dir"/config.toml "$KEEP/" 2>/dev/null
    echo "Kept: $KEEP"
  elif [[ $status -ne 0 && -s $dir/crispd.log ]]; then
    echo "The end of crispd's log (KEEP=DIR keeps the whole):" >&2
    tail -n 20 "$dir/crispd.log" >&2
  fi
  umount "$dir" 2>/dev/null
  rm -rf --one-file-system "$dir"
  exit $status
}

# ---- inside the namespaces

furnish_machine() {
  ip link set lo up
  # Overlayfs takes no upper directory on another overlayfs, as in a container of a CI machine.
  [[ $(stat -f -c %T "$dir") != overlayfs ]] || mount -t tmpfs -o mode=711 tmpfs "$dir"
  mkdir -p /var/lib/cni "$dir"/{tmp,net.d,state,root}
  mount -t tmpfs -o mode=755 tmpfs /var/lib/cni
  # systemd's sockets are below /run; who needs them keeps it.
  [[ -n $SYSTEMD_CGROUP ]] || mount -t tmpfs -o mode=755 tmpfs /run
  case $(basename "$OCI_RUNTIME") in crun*) hide_empty_unified ;; esac
}

# crun takes a machine with v1 controllers and an empty v2 hierarchy beside them for one of v2. The hierarchies are
# shown again without it, in this mount namespace: nobody else's /sys/fs/cgroup changes.
hide_empty_unified() {
  [[ -d /sys/fs/cgroup/unified ]] || return 0
  local shown=$dir/cgroup hierarchy
  mkdir "$shown"
  mount -t tmpfs -o mode=755 tmpfs "$shown"
  for hierarchy in /sys/fs/cgroup/*; do
    if [[ -L $hierarchy ]]; then
      cp -P "$hierarchy" "$shown/"
    elif [[ $hierarchy != */unified && -d $hierarchy ]]; then
      mkdir "$shown/${hierarchy##*/}"
      mount --bind "$hierarchy" "$shown/${hierarchy##*/}"
    fi
  done
  umount -R /sys/fs/cgroup
  mount --move "$shown" /sys/fs/cgroup
}

write_config() {
  cat >"$dir/registry.yml" <<END
version: 0.1
storage: { filesystem: { rootdirectory: $BUILD/critest-images/store }, maintenance: { readonly: { enabled: true } } }
http: { addr: "127.0.0.1:$REGISTRY_PORT" }
log: { level: error, accesslog: { disabled: true } }
END
  cat >"$dir/net.d/10-critest.conflist" <<'END'
{
  "cniVersion": "1.0.0",
  "name": "critest",
  "plugins": [
    {
      "type": "bridge", "bridge": "cni0", "isGateway": true, "ipMasq": true, "hairpinMode": true,
      "ipam": {
        "type": "host-local", "ranges": [[{ "subnet": "10.88.0.0/16" }]], "routes": [{ "dst": "0.0.0.0/0" }]
      }
    },
    { "type": "portmap", "capabilities": { "portMappings": true }, "snat": true }
  ]
}
END
  local host systemd=false
  [[ -z $SYSTEMD_CGROUP ]] || systemd=true
  {
    cat <<END
version = 2
root = "$dir/root"
state = "$dir/state"

[grpc]
  address = "${ENDPOINT#unix://}"

[debug]
  level = "debug"

[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "registry.k8s.io/pause:3.6"
  netns_mounts_under_state_dir = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "$dir/net.d"
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
      BinaryName = "$OCI_RUNTIME"
      SystemdCgroup = $systemd
END
    for host in registry.k8s.io gcr.io k8s.gcr.io; do
      cat <<END
  [plugins."io.containerd.grpc.v1.cri".registry.mirrors."$host"]
    endpoint = ["http://127.0.0.1:$REGISTRY_PORT"]
END
    done
    [[ -z $CONFIG ]] || cat "$CONFIG"
  } >"$dir/config.toml"
}

# wait_for PID LOG NAME TEST...: until TEST succeeds.
wait_for() {
  local pid=$1 log=$2 name=$3
  shift 3
  for _ in {1..400}; do
    "$@" 2>/dev/null && return
    kill -0 "$pid" 2>/dev/null || break
    sleep 0.05
  done
  tail -n 30 "$log" >&2
  die "$name did not come up; above is its log"
}

registry_accepts() { (: <>/dev/tcp/127.0.0.1/$REGISTRY_PORT); }
crispd_listens() { [[ -S ${ENDPOINT#unix://} ]]; }

# In sessions of their own: whatever ends this script, pods are taken down first and the servers after them.
start_servers() {
  setsid docker-registry serve "$dir/registry.yml" >"$dir/registry.log" 2>&1 &
  registry=$!
  wait_for $registry "$dir/registry.log" "the registry" registry_accepts
  setsid "$(built crispd)" --config "$dir/config.toml" >"$dir/crispd.log" 2>&1 &
  crispd=$!
  wait_for $crispd "$dir/crispd.log" crispd crispd_listens
}

# Ends a child of this script: it has 30 seconds.
stop() {
  [[ -n $1 ]] || return
  kill -TERM "$1" 2>/dev/null
  for _ in {1..300}; do
    kill -0 "$1" 2>/dev/null || break
    sleep 0.1
  done
  kill -KILL "$1" 2>/dev/null
  wait "$1" 2>/dev/null
}

# What specs that failed half-way have left; the rest goes with the namespaces.
cleanup_inside() {
  local status=$?
  trap '' INT TERM
  set +e
  stop "$critest"
  if [[ -n $crispd ]] && kill -0 "$crispd" 2>/dev/null; then
    timeout 120 "$(built crisp-demo)" --socket "${ENDPOINT#unix://}" --remove-all >"$dir/remove-all.log" 2>&1 ||
      { echo "critest.sh: pods are left that crispd cannot remove:" >&2 && tail -n 5 "$dir/remove-all.log" >&2; }
  fi
  stop "$crispd"
  stop "$registry"
  exit $status
}

run_critest() {
  local number=$1 status=0
  shift
  [[ $RUNS -eq 1 ]] && say "Running critest" || say "Running critest ($number of $RUNS)"
  TMPDIR=$dir/tmp timeout --kill-after=30 $CRITEST_TIME_LIMIT "$CRITEST" -runtime-endpoint "$ENDPOINT" \
    --ginkgo.no-color --ginkgo.junit-report="$dir/critest-$number.xml" "$@" >"$dir/critest-$number.log" 2>&1 &
  critest=$!
  wait $critest || status=$?
  critest=
  kill -0 "$crispd" 2>/dev/null || die "crispd has ended while critest ran"
  if [[ ! -s $dir/critest-$number.xml ]]; then
    tail -n 30 "$dir/critest-$number.log" >&2
    die "critest made no report; it ended with $status"
  fi
  awk -f e2e/critest/report.awk e2e/critest/known "$dir/critest-$number.xml"
}

inside() {
  registry=
  crispd=
  critest=
  trap cleanup_inside EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM
  furnish_machine
  write_config
  start_servers
  local number failed=0
  for ((number = 1; number <= RUNS; ++number)); do run_critest "$number" "$@" || failed=1; done
  return $failed
}

# ----

if [[ ${1:-} == --inside ]]; then
  shift
  inside "$@"
  exit
fi

case ${1:-} in
  --help | -h) sed -n '2,/^set/s/^# \{0,1\}//p' "$0" && exit 0 ;;
  unix://*) ENDPOINT=$1 && shift ;;
  *) ENDPOINT=unix:///run/crisp.sock ;;
esac
BUILD=$(readlink -f "${BUILD:-build/debug}")
OCI_RUNTIME=$(command -v "${OCI_RUNTIME:-runc}") || die "no ${OCI_RUNTIME:-runc} in PATH"
: "${SYSTEMD_CGROUP:=}" "${RUNS:=1}" "${KEEP:=}" "${CONFIG:=}"
[[ -z $KEEP ]] || KEEP=$(realpath "$KEEP")
[[ -z $CONFIG ]] || CONFIG=$(realpath "$CONFIG")
check_machine
make_images

dir=$(mktemp -d -t crisp-critest.XXXXXX)
chmod 0711 "$dir"
container_cgroups >"$dir/cgroups-before"
child=
trap cleanup_outside EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

export CRITEST BUILD OCI_RUNTIME SYSTEMD_CGROUP RUNS CONFIG ENDPOINT dir
processes=(--pid --kill-child --mount-proc)
[[ -z $SYSTEMD_CGROUP ]] || processes=()
unshare --mount --net --ipc --uts --fork ${processes[@]+"${processes[@]}"} e2e/critest.sh --inside "$@" &
child=$!
status=0
wait $child || status=$?
exit $status
