#include "runtime/yaml.h"

#include <yaml.h>

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/json.h"
#include "base/status_macros.h"

namespace crisp {
namespace {

using nlohmann::json;

struct Event {
  Event() = default;
  ~Event() { yaml_event_delete(&event); }
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;
  yaml_event_t event{};
};

class Reader {
 public:
  explicit Reader(absl::string_view text) {
    yaml_parser_initialize(&parser_);
    yaml_parser_set_input_string(&parser_, reinterpret_cast<const unsigned char*>(text.data()), text.size());
    yaml_parser_set_encoding(&parser_, YAML_UTF8_ENCODING);
  }
  ~Reader() { yaml_parser_delete(&parser_); }
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;

  absl::StatusOr<json> ReadDocument() {
    while (true) {
      Event next;
      if (yaml_parser_parse(&parser_, &next.event) == 0) return SyntaxError();
      line_ = next.event.start_mark.line + 1;
      if (next.event.type == YAML_STREAM_END_EVENT) break;
      RETURN_IF_ERROR(Take(next.event));
    }
    if (!top_.is_object()) return absl::InternalError("not a YAML mapping");
    return std::move(top_);
  }

 private:
  // A list or mapping that is being read. Deeper ones are moved into it when they are whole.
  struct Level {
    json value;
    std::string key;
    bool has_key = false;
  };

  absl::Status Wrong(absl::string_view why) const {
    return absl::InternalError(absl::StrCat("not the YAML that crisp reads: line ", line_, ": ", why));
  }

  absl::Status SyntaxError() const {
    return absl::InternalError(absl::StrCat("not YAML: line ", parser_.problem_mark.line + 1, ": ",
                                            parser_.problem == nullptr ? "cannot be read" : parser_.problem));
  }

  absl::Status Take(const yaml_event_t& event) {
    switch (event.type) {
      case YAML_ALIAS_EVENT:
        return Wrong("an alias");
      case YAML_DOCUMENT_START_EVENT:
        return ++documents_ > 1 ? Wrong("a second document") : absl::OkStatus();
      case YAML_SCALAR_EVENT:
        return TakeScalar(event);
      case YAML_SEQUENCE_START_EVENT:
        return Begin(event.data.sequence_start.anchor, json::array());
      case YAML_MAPPING_START_EVENT:
        return Begin(event.data.mapping_start.anchor, json::object());
      case YAML_SEQUENCE_END_EVENT:
      case YAML_MAPPING_END_EVENT:
        return End();
      default:
        return absl::OkStatus();
    }
  }

  absl::Status Begin(const unsigned char* anchor, json empty) {
    if (anchor != nullptr) return Wrong("an anchor");
    if (levels_.size() >= static_cast<size_t>(kJsonDepthLimit)) return Wrong("too many levels");
    if (!levels_.empty() && levels_.back().value.is_object() && !levels_.back().has_key) {
      return Wrong("a key that is no string");
    }
    levels_.push_back({std::move(empty), "", false});
    return absl::OkStatus();
  }

  absl::Status End() {
    json value = std::move(levels_.back().value);
    levels_.pop_back();
    return Put(std::move(value));
  }

  absl::Status TakeScalar(const yaml_event_t& event) {
    if (event.data.scalar.anchor != nullptr) return Wrong("an anchor");
    std::string text(reinterpret_cast<const char*>(event.data.scalar.value), event.data.scalar.length);
    const bool is_key = !levels_.empty() && levels_.back().value.is_object() && !levels_.back().has_key;
    if (is_key) {
      if (levels_.back().value.contains(text)) return Wrong(absl::StrCat("key \"", text.substr(0, 64), "\" twice"));
      levels_.back().key = std::move(text);
      levels_.back().has_key = true;
      return absl::OkStatus();
    }
    return Put(event.data.scalar.style == YAML_PLAIN_SCALAR_STYLE ? Plain(text) : json(text));
  }

  static json Plain(const std::string& text) {
    if (text.empty() || text == "~" || text == "null") return nullptr;
    if (text == "true" || text == "false") return text == "true";
    uint64_t natural = 0;
    int64_t number = 0;
    // Octal is how modes are written: 0644 in YAML 1.1, 0o644 in 1.2.
    if (text[0] == '0' && text.size() > 1) {
      const std::string digits = text.substr(text[1] == 'o' ? 2 : 1);
      if (digits.find_first_not_of("01234567") != std::string::npos || digits.empty() || digits.size() > 20)
        return text;
      for (const char digit : digits) natural = natural * 8 + static_cast<uint64_t>(digit - '0');
      return natural;
    }
    if (text.find_first_not_of("0123456789") == std::string::npos && absl::SimpleAtoi(text, &natural)) return natural;
    if (text[0] == '-' && text.find_first_not_of("0123456789", 1) == std::string::npos &&
        absl::SimpleAtoi(text, &number)) {
      return number;
    }
    return text;
  }

  absl::Status Put(json value) {
    if (++values_ > kJsonValuesLimit) return Wrong("too many values");
    if (levels_.empty()) {
      top_ = std::move(value);
      return absl::OkStatus();
    }
    Level& level = levels_.back();
    if (level.value.is_array()) {
      level.value.push_back(std::move(value));
      return absl::OkStatus();
    }
    level.value[level.key] = std::move(value);
    level.has_key = false;
    return absl::OkStatus();
  }

  yaml_parser_t parser_{};
  std::vector<Level> levels_;
  json top_;
  int values_ = 0;
  int documents_ = 0;
  size_t line_ = 0;
};

}  // namespace

absl::StatusOr<json> ParseYamlObject(absl::string_view text) {
  if (text.size() > kJsonBytesLimit) return absl::InternalError("YAML of too many bytes");
  return Reader(text).ReadDocument();
}

}  // namespace crisp
