// JsonReader: typed access to a JSON document of unknown content. Every error is Internal and names the field by its
// path:
//
//   ASSIGN_OR_RETURN(const JsonDocument document, JsonDocument::Parse(text));
//   ASSIGN_OR_RETURN(const auto layers, document.root().Objects("layers"));
//   for (const JsonReader& layer : layers) ASSIGN_OR_RETURN(uint64_t size, layer.Unsigned("size"));
//   // "layers[3].size" is not a whole number but a string
//
// A field that is null counts as absent. Unknown fields are ignored unless CheckKeys is called.
// Readers are small, are copied freely, and point into the document, which must outlive them. Thread-compatible.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <limits>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace crisp {

class JsonReader {
 public:
  // The largest default for numbers: what fits an int64, as SQLite and protobuf store them.
  static constexpr uint64_t kMaxNumber = std::numeric_limits<int64_t>::max();

  // `path` is what errors call the value: "" for a whole document, else "layers[3]".
  explicit JsonReader(const nlohmann::json& value, std::string path = "");

  // The value at `key`; nothing if it is absent, or if this is not an object.
  std::optional<JsonReader> Field(absl::string_view key) const;
  // True if an object has the key, also with null as its value.
  bool Contains(absl::string_view key) const;

  // Optional fields of an object. Absent is the empty string or list, or no value. A value of another type is an error.
  absl::StatusOr<std::string> String(absl::string_view key) const;
  absl::StatusOr<std::vector<std::string>> Strings(absl::string_view key) const;
  absl::StatusOr<std::optional<uint64_t>> Unsigned(absl::string_view key, uint64_t most = kMaxNumber) const;
  absl::StatusOr<std::optional<bool>> Bool(absl::string_view key) const;
  absl::StatusOr<std::optional<JsonReader>> Object(absl::string_view key) const;
  absl::StatusOr<std::vector<JsonReader>> Objects(absl::string_view key) const;
  // The elements of a list, of any type.
  absl::StatusOr<std::vector<JsonReader>> Items(absl::string_view key) const;

  // This value itself. A string must not contain a NUL byte: no kernel interface could take it.
  absl::StatusOr<std::string> AsString() const;
  absl::StatusOr<uint64_t> AsUnsigned(uint64_t most = kMaxNumber) const;
  absl::StatusOr<bool> AsBool() const;
  absl::StatusOr<JsonReader> AsObject() const;

  // The names of an object's fields, sorted, those that are null included.
  std::vector<std::string> Keys() const;
  // An error for the first field that is not among `known`.
  absl::Status CheckKeys(std::initializer_list<absl::string_view> known) const;

  // Errors about this value, and about a field that is missing.
  absl::Status Error(absl::string_view why) const;
  absl::Status Missing(absl::string_view key) const;

  const std::string& path() const { return path_; }
  const nlohmann::json& json() const { return *value_; }

 private:
  std::string PathOf(absl::string_view key) const;
  absl::Status WrongType(absl::string_view wanted) const;

  const nlohmann::json* value_;
  std::string path_;
};

// Owns a parsed document.
class JsonDocument {
 public:
  // Errors and limits are those of ParseJsonObject.
  static absl::StatusOr<JsonDocument> Parse(absl::string_view text);

  JsonReader root() const { return JsonReader(*value_); }

 private:
  explicit JsonDocument(nlohmann::json value);

  std::shared_ptr<const nlohmann::json> value_;
};

}  // namespace crisp
