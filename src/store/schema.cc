#include "store/schema.h"

namespace crisp {

const std::vector<std::string>& SchemaStatements() {
  static const auto* const statements = new std::vector<std::string>{
      // Facts about the whole: "boot_id", of the boot in which the daemon last ran.
      R"(CREATE TABLE IF NOT EXISTS facts (
        name TEXT PRIMARY KEY,
        value TEXT NOT NULL) WITHOUT ROWID)",

      // Unpacked layers. `name` is the directory below layers/. `bytes` and `inodes` are what it occupies unpacked.
      R"(CREATE TABLE IF NOT EXISTS layers (
        chain_id TEXT PRIMARY KEY,
        name TEXT NOT NULL UNIQUE,
        diff_id TEXT NOT NULL,
        compressed_size INTEGER NOT NULL,
        bytes INTEGER NOT NULL,
        inodes INTEGER NOT NULL) WITHOUT ROWID)",

      // Images by the digest of their config, which is kept as it came.
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

      // What holds a layer besides images: the root file systems of containers, whatever becomes of their image.
      R"(CREATE TABLE IF NOT EXISTS rootfs_layers (
        container_id TEXT NOT NULL,
        position INTEGER NOT NULL,
        chain_id TEXT NOT NULL REFERENCES layers(chain_id),
        PRIMARY KEY (container_id, position)) WITHOUT ROWID)",

      // Pods. A row is written before the first side effect: `phase` is 0 while the pod is being made, 1 from when it
      // was READY, 2 once it is stopped, 3 while it is being removed. `record` is a PodRecord (sandbox/record.proto).
      R"(CREATE TABLE IF NOT EXISTS pods (
        id TEXT PRIMARY KEY,
        phase INTEGER NOT NULL,
        record BLOB NOT NULL) WITHOUT ROWID)",
      // Containers: `phase` is 0 while it is being made, 1 from when it was created, 3 while it is being removed.
      // Whether it has exited, and how, is in its exit record on disk.
      R"(CREATE TABLE IF NOT EXISTS containers (
        id TEXT PRIMARY KEY,
        pod_id TEXT NOT NULL REFERENCES pods(id),
        phase INTEGER NOT NULL,
        record BLOB NOT NULL) WITHOUT ROWID)",
  };
  return *statements;
}

}  // namespace crisp
