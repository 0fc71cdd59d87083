#include "store/schema.h"

namespace crisp {
namespace {

// Version 1. IF NOT EXISTS, because files that were written before versions existed have these tables already.
std::vector<std::string> FirstTables() {
  return {
      // Facts about the node: "boot_id" is that of the boot in which the daemon last ran.
      R"(CREATE TABLE IF NOT EXISTS facts (
        name TEXT PRIMARY KEY,
        value TEXT NOT NULL) WITHOUT ROWID)",

      // Unpacked layers. `chain_id` is the id under which a layer is recorded: its chain id, or "any:<diff id>" if it
      // is the same on any base (images/layer_row.h). `name` is the directory below layers/, `compressed_size` that of
      // the
      // blob; `bytes` and `inodes` are what the layer occupies on disk.
      R"(CREATE TABLE IF NOT EXISTS layers (
        chain_id TEXT PRIMARY KEY,
        name TEXT NOT NULL UNIQUE,
        diff_id TEXT NOT NULL,
        compressed_size INTEGER NOT NULL,
        bytes INTEGER NOT NULL,
        inodes INTEGER NOT NULL) WITHOUT ROWID)",

      // Images. `id` is the digest of `config`, the JSON text as it was pulled.
      R"(CREATE TABLE IF NOT EXISTS images (
        id TEXT PRIMARY KEY,
        config TEXT NOT NULL,
        size INTEGER NOT NULL) WITHOUT ROWID)",
      R"(CREATE TABLE IF NOT EXISTS image_names (
        name TEXT PRIMARY KEY,
        image_id TEXT NOT NULL REFERENCES images(id) ON DELETE CASCADE,
        is_digest INTEGER NOT NULL) WITHOUT ROWID)",
      // Position 0 is the lowest layer.
      R"(CREATE TABLE IF NOT EXISTS image_layers (
        image_id TEXT NOT NULL REFERENCES images(id) ON DELETE CASCADE,
        position INTEGER NOT NULL,
        chain_id TEXT NOT NULL REFERENCES layers(chain_id),
        PRIMARY KEY (image_id, position)) WITHOUT ROWID)",

      // The layers of containers' root file systems, which stay when the image is removed.
      R"(CREATE TABLE IF NOT EXISTS rootfs_layers (
        container_id TEXT NOT NULL,
        position INTEGER NOT NULL,
        chain_id TEXT NOT NULL REFERENCES layers(chain_id),
        PRIMARY KEY (container_id, position)) WITHOUT ROWID)",

      // Pods. A row is written before the first side effect. `phase` is 0 while the pod is being created, 1 once it was
      // READY, 2 once it is stopped, 3 while it is being removed. `record` is a PodRecord (sandbox/record.proto).
      R"(CREATE TABLE IF NOT EXISTS pods (
        id TEXT PRIMARY KEY,
        phase INTEGER NOT NULL,
        record BLOB NOT NULL) WITHOUT ROWID)",
      // Containers. `phase` is 0 while the container is being created, 1 once it is created, 3 while it is being
      // removed. `record` is a ContainerRecord. Whether and how it exited is in its exit record on disk.
      R"(CREATE TABLE IF NOT EXISTS containers (
        id TEXT PRIMARY KEY,
        pod_id TEXT NOT NULL REFERENCES pods(id),
        phase INTEGER NOT NULL,
        record BLOB NOT NULL) WITHOUT ROWID)",
  };
}

}  // namespace

const std::vector<Migration>& Migrations() {
  static const auto* const migrations = new std::vector<Migration>{{FirstTables()}};
  return *migrations;
}

}  // namespace crisp
