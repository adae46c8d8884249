#!/bin/bash
# Turns a fresh set of namespaces into a small machine: the root tree read-only below, a tmpfs
# above it.  Runs in a directory that holds root/ (the tree) and mnt/ (empty; each machine mounts
# over it for itself).  Everything it writes lives in that tmpfs, so nothing is left when the last
# process of the machine is gone.
set -euo pipefail
umask 022

# /proc is still the host's here, so this is our process id as the host counts.
read -r host_pid _ </proc/self/stat

hostname ctl
mount -t tmpfs -o mode=0755 tmpfs mnt
mkdir mnt/upper mnt/work mnt/root
mount -t overlay overlay -o lowerdir=root,upperdir=mnt/upper,workdir=mnt/work mnt/root
mount -t proc proc mnt/root/proc
mount -t sysfs -o ro sysfs mnt/root/sys
mount --rbind /dev mnt/root/dev
mount -t tmpfs -o mode=0755 tmpfs mnt/root/run
cd mnt/root

# PID 1 from here on: it reaps, and ends with its standard input, that is with whoever started it.
# shellcheck disable=SC2016
exec chroot . /bin/bash -c '
  install --directory --owner=munge --group=munge /run/munge
  install --directory /run/slurm /var/spool/slurmctld
  echo "ready $0"
  read -r _ || true
' "$host_pid"
