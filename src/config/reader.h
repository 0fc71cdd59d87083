// Goes through a configuration file key by key and does with each what the table of keys says.
#pragma once

#include <toml++/toml.h>

#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "config/key.h"
#include "config/key_finding.h"
#include "config/key_path.h"

namespace crisp {

// For one file, used once, by one thread.
class Reader {
 public:
  // `file` is the name for messages; `version` is 1 to kNewestVersion. `draft` must outlive the object. Keys in the
  // places of later versions count too, as with containerd 2.x.
  Reader(std::string file, int version, Draft* draft);

  // Goes through all of it. Returns the first error, which names file, line and key.
  absl::Status Read(const toml::table& table);

  // One line each, in the order of the file.
  std::vector<std::string> Warnings() const;

  // Every key of the file, in its order. To be called once.
  std::vector<KeyFinding> TakeFindings();

  struct KnownKey {
    KeyPath pattern;
    const Key* key;
  };

 private:
  void ReadTable(const toml::table& table, const KeyPath& path);
  void ReadNode(const toml::node& node, const KeyPath& path);
  void ReadArray(const toml::array& tables, const KeyPath& path);
  void ReadKnown(const KnownKey& known, const toml::node& node, const KeyPath& path);
  absl::Status ReadKey(const KnownKey& known, const toml::node& node, KeyFinding* finding);
  absl::Status ApplyPolicy(const Key& key, const FileValue& value, KeyFinding* finding);
  void ReadUnknown(const toml::node& node, const KeyPath& path);
  void Refuse(const toml::node& node, const KeyPath& path, const absl::Status& error);

  std::string NameOf(const toml::node& node, const std::string& name, const KeyPath& table);
  bool IsOptionOfForeignHandler(const KeyPath& path) const;
  const KnownKey* Find(const KeyPath& path) const;
  bool IsTable(const KeyPath& path) const;
  KeyFinding NewFinding(const toml::node& node, const KeyPath& path) const;
  // `text` after `subject`, which names the key.
  void Warn(const std::string& subject, const std::string& text, KeyFinding* finding);

  const std::string file_;
  const int version_;
  Draft* const draft_;
  const std::vector<KnownKey>& keys_;
  absl::Status first_error_;
  std::vector<KeyFinding> findings_;
  std::multimap<uint32_t, std::string> warnings_;  // by line
};

}  // namespace crisp
