#!/bin/bash
# Runs a command of this checkout on a machine with systemd. Prints what the command prints, and exits as it does.
#   e2e/systemd_node.sh [--vm] [--trees DIR] [--tree DIR] [--bind DIR]... COMMAND [ARGUMENT]...
#   e2e/systemd_node.sh env CRISP_E2E_SYSTEMD=1 build/debug/e2e/e2e_test --gtest_filter='PodTest.*'
#   e2e/systemd_node.sh --bind /opt/critest env SYSTEMD_CGROUP=1 CRITEST=/opt/critest/critest e2e/critest.sh
# The machine is a small Debian tree that systemd-nspawn boots, with cgroup v1; with --vm it is a virtual one with a
# Debian kernel, cgroup v2, AppArmor and every capability, ten times slower. The checkout is there under the path that it
# has here, and so is each DIR of --bind; what the command writes to them is lost with --vm. DIR of --trees keeps the
# Debian trees for the next time (build/nodes). DIR of --tree is a Debian tree with systemd that is booted in place of
# theirs; it gets a unit for the command, and nothing else in it changes. Needs root and scripts/install-packages node,
# for --vm vm as well.
set -euo pipefail
cd "$(dirname "$0")/.."

readonly TIME_LIMIT=2h

say() { printf '== %s\n' "$*" >&2; }
die() { echo "systemd_node.sh: $*" >&2 && exit 1; }
usage() { sed -n '2,/^set/s/^# \{0,1\}//p' "$0" >&2 && exit 2; }

# ---- the Debian trees

packages_of() {
  awk -v groups=" $* " '/^\[/ { group = substr($0, 2, length($0) - 2); next }
    NF && !/^#/ && index(groups, " " group " ") { print $1 }' scripts/packages.txt
}

make_tree() {
  local tree=$trees/systemd mirror packages
  [[ ! -e $tree/made ]] || return 0
  say "Making a Debian tree in $tree"
  mirror=$(apt-get indextargets --format '$(SITE)' 'Codename: bookworm' | head -n 1)
  packages=$(echo systemd systemd-sysv dbus procps kmod $(packages_of run test) | tr ' ' ,)
  rm -rf --one-file-system "$tree"
  mkdir -p "$tree"
  debootstrap --variant=minbase --include="$packages" bookworm "$tree" "$mirror" >"$trees/log" 2>&1 ||
    { tail -n 20 "$trees/log" >&2 && die "debootstrap failed; above is the end of its log"; }
  touch "$tree/made"
}

# The unit of the command in the Debian tree $1.
add_job() {
  cat >"$1/etc/systemd/system/job.service" <<'END'
[Unit]
Description=The command of systemd_node.sh
After=multi-user.target

[Service]
Type=oneshot
TimeoutStartSec=infinity
Delegate=yes
TasksMax=infinity
ExecStart=/bin/bash /node/job
ExecStopPost=systemctl poweroff --no-block
END
  mkdir -p "$1/etc/systemd/system/default.target.wants" "$1/node"
  ln -sf ../job.service "$1/etc/systemd/system/default.target.wants/job.service"
}

# The same with a kernel, as a disk.
make_vm() {
  local tree=$trees/vm
  [[ ! -e $trees/vm.ext4 ]] || return 0
  make_tree
  say "Making a virtual machine's disk in $trees/vm.ext4"
  rm -rf --one-file-system "$tree"
  cp -a "$trees/systemd" "$tree"
  add_job "$tree"
  rm -f "$tree/etc/apt/sources.list"
  cp -r /etc/apt/sources.list* /etc/apt/apt.conf.d /etc/apt/keyrings "$tree/etc/apt/" 2>/dev/null || true
  cp -L /etc/resolv.conf /etc/hosts "$tree/etc/"
  unshare --mount bash -euc 'mount -t proc proc "$1/proc" && mount --rbind /dev "$1/dev" && exec chroot "$1" bash -euc "
      export DEBIAN_FRONTEND=noninteractive PATH=/usr/sbin:/usr/bin:/sbin:/bin
      apt-get update -qq
      apt-get install -qq -y --no-install-recommends linux-image-cloud-amd64 apparmor udev"' bash "$tree" \
    >"$trees/log" 2>&1 || { tail -n 20 "$trees/log" >&2 && die "cannot install a kernel; above is the end of the log"; }
  echo '/dev/vdb /node ext4 defaults 0 0' >"$tree/etc/fstab"
  cp "$tree"/boot/vmlinuz-* "$trees/vmlinuz"
  cp "$tree"/boot/initrd.img-* "$trees/initrd"
  mkfs.ext4 -q -d "$tree" "$trees/vm.ext4.new" 8G >/dev/null
  mv "$trees/vm.ext4.new" "$trees/vm.ext4"
  rm -rf --one-file-system "$tree"
}

# ---- what the command needs

is_program() { [[ $(head -c 4 "$1" | tail -c 3) == ELF ]]; }

# The libraries of the built programs that the tree has no package of.
copy_libraries() {
  local library
  mkdir "$node_dir/lib"
  { find build -type f -perm -u+x \( -name crispd -o -name 'crisp-*' -o -name '*_test' \) -exec ldd {} + 2>/dev/null ||
    true; } | # a static one has none, and to ldd that is an error
    awk '$2 == "=>" && $3 ~ /^\// { print $3 }' | sort -u |
    while read -r library; do
      [[ -e $tree/$library || -e $tree/usr/$library ]] || cp -L "$library" "$node_dir/lib/"
    done
}

# The job, as it runs there. $1 is where its output goes, $2 where its status goes; then the command.
write_job() {
  local output=$1 status=$2
  shift 2
  {
    printf '#!/bin/bash\nexec </dev/null >>%q 2>&1\nfinish() { echo "$?" >%q; }\n' "$output" "$status"
    cat <<'END'
trap finish EXIT
[[ ! -c /dev/ttyS1 ]] || stty -F /dev/ttyS1 raw
# systemd-nspawn shows the cgroup hierarchies and /proc/sys read-only, and lacks a device that every node has.
awk '$3 == "cgroup" || $2 ~ "^/proc/sys" { print $2 }' /proc/mounts |
  while read -r target; do mount -o remount,rw,bind "$target" 2>/dev/null; done
if [[ -d /node/checkout ]]; then
  while read -r directory; do
    mkdir -p "$directory" && mount --bind "/node/checkout$directory" "$directory" || exit
  done </node/directories
fi
[[ -e /dev/kmsg ]] || mknod -m 0644 /dev/kmsg c 1 11
echo /node/lib >/etc/ld.so.conf.d/node.conf && ldconfig
export HOME=/root LANG=C.UTF-8 TMPDIR=/node/tmp
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
END
    printf 'cd %q || exit\n' "$PWD"
    printf '%q ' "$@"
    echo
  } >"$node_dir/job"
}

# ---- systemd-nspawn

# A cgroup of this machine's for the node in each hierarchy, below the one that this script is in: what the node has left
# can be found there. In that of cpuset nothing can run before it has cpus, and nothing moves there.
node_cgroups() {
  local controllers mount own
  while IFS=: read -r _ controllers own; do
    mount=/sys/fs/cgroup/${controllers#name=}
    [[ -z $controllers || ! -d $mount ]] || echo "$mount${own%/}/$name"
  done </proc/self/cgroup
}

enter_cgroups() {
  local cgroup
  for cgroup in $(node_cgroups); do mkdir "$cgroup" && echo "$BASHPID" >"$cgroup/cgroup.procs" || true; done 2>/dev/null
}

remove_cgroups() {
  local cgroup
  for cgroup in $(node_cgroups); do
    [[ ! -d $cgroup ]] || find "$cgroup" -depth -type d -exec rmdir {} + 2>/dev/null
  done
}

boot_container() {
  local binds=(--bind="$PWD:$PWD:norbind" --bind="$node_dir:/node") directory
  for directory in ${extra_binds[@]+"${extra_binds[@]}"}; do binds+=(--bind="$directory:$directory:norbind"); done
  enter_cgroups
  # What systemd-nspawn forbids by seccomp a node may do, and containers would inherit it.
  export SYSTEMD_SECCOMP=0 SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=0
  exec timeout $TIME_LIMIT systemd-nspawn --quiet --register=no --keep-unit --boot --capability=all \
    --private-network --volatile=overlay --console=pipe --machine="$name" --directory="$tree" "${binds[@]}" \
    </dev/null >"$dir/console" 2>&1
}

# ---- the virtual machine

# Its second disk: the checkout without what only building needs, without debugging symbols.
make_disk() {
  local directory file
  for directory in "$PWD" ${extra_binds[@]+"${extra_binds[@]}"}; do
    echo "$directory" >>"$node_dir/directories"
    mkdir -p "$node_dir/checkout$directory"
    tar -C "$directory" -c --exclude=./.git --exclude=./build/nodes --exclude='*.o' --exclude='*.a' --exclude='*.ninja*' \
      --exclude=CMakeFiles . | tar -C "$node_dir/checkout$directory" -x
  done
  find "$node_dir/checkout" -type f -perm -u+x -size +1M | while read -r file; do
    ! is_program "$file" || strip "$file" 2>/dev/null || true
  done
  mkfs.ext4 -q -d "$node_dir" "$dir/node.ext4" 8G >/dev/null
}

boot_vm() {
  exec timeout $TIME_LIMIT qemu-system-x86_64 -accel tcg,thread=multi -cpu max -smp 2 -m 6G -nodefaults -nographic \
    -kernel "$trees/vmlinuz" -initrd "$trees/initrd" -append "root=/dev/vda rw console=ttyS0 quiet" -no-reboot \
    -drive file="$trees/vm.ext4",format=raw,if=virtio,snapshot=on -drive file="$dir/node.ext4",format=raw,if=virtio \
    -serial file:"$dir/console" -serial file:"$node_dir/output" -serial file:"$node_dir/status" -monitor none \
    </dev/null >"$dir/qemu.log" 2>&1
}

# ----

cleanup() {
  local status=$?
  trap '' INT TERM
  set +e
  # To both, SIGTERM means to end; nspawn has its machine shut down first.
  [[ -z $node ]] || { kill -TERM "$node" 2>/dev/null && wait "$node"; }
  [[ -z $follower ]] || { kill "$follower" 2>/dev/null && wait "$follower" 2>/dev/null; }
  [[ -n $vm ]] || remove_cgroups
  rm -rf --one-file-system "$dir"
  exit $status
}

trees=$PWD/build/nodes
tree=
extra_binds=()
vm=
while [[ ${1:-} == --* ]]; do
  case $1 in
    --vm) vm=1 ;;
    --trees) [[ $# -ge 2 ]] || usage && trees=$(realpath "$2") && shift ;;
    --tree) [[ $# -ge 2 ]] || usage && tree=$(realpath "$2") && shift ;;
    --bind) [[ $# -ge 2 ]] || usage && extra_binds+=("$(realpath "$2")") && shift ;;
    *) usage ;;
  esac
  shift
done
[[ $# -gt 0 ]] || usage
[[ $EUID -eq 0 ]] || die "needs root"
for tool in systemd-nspawn debootstrap ${vm:+qemu-system-x86_64 strip}; do
  command -v $tool >/dev/null || die "needs $tool: scripts/install-packages node ${vm:+vm}"
done

mkdir -p "$trees"
exec 8>"$trees/lock"
flock 8
if [[ -n $vm ]]; then make_vm; elif [[ -z $tree ]]; then make_tree; fi
tree=${tree:-$trees/systemd}
[[ -n $vm ]] || add_job "$tree"
exec 8>&-

dir=$(mktemp -d -t crisp-node.XXXXXX)
chmod 0711 "$dir"
name=$(basename "$dir" | tr . -)
node_dir=$dir/node
node=
follower=
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

mkdir -p -m 0755 "$node_dir"
mkdir -m 1777 "$node_dir/tmp"
copy_libraries
if [[ -n $vm ]]; then
  write_job /dev/ttyS1 /dev/ttyS2 "$@"
  make_disk
else
  write_job /node/output /node/status "$@"
fi
touch "$node_dir/output"
say "Booting"
if [[ -n $vm ]]; then boot_vm & else boot_container & fi
node=$!
tail -n +1 -F --pid=$node "$node_dir/output" 2>/dev/null &
follower=$!
wait $node || true
node=
wait $follower || true
follower=
if [[ ! -s $node_dir/status ]]; then
  tail -n 30 "$dir/console" "$dir/qemu.log" >&2 2>/dev/null || true
  die "the machine has ended before the command; above is its console"
fi
exit "$(tr -dc 0-9 <"$node_dir/status")"
