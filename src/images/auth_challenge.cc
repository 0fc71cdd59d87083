#include "images/auth_challenge.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace crisp {
namespace {

bool IsTokenChar(char c) {
  return absl::ascii_isalnum(static_cast<unsigned char>(c)) ||
         absl::StrContains("!#$%&'*+-.^_`|~", absl::string_view(&c, 1));
}

// Splits a header into its lexemes.
class HeaderReader {
 public:
  explicit HeaderReader(absl::string_view text) : text_(text) {}

  bool AtEnd() const { return text_.empty(); }
  void SkipSeparators() {
    while (!text_.empty() && (text_[0] == ' ' || text_[0] == '\t' || text_[0] == ',')) text_.remove_prefix(1);
  }
  std::string Token() {
    size_t end = 0;
    while (end < text_.size() && IsTokenChar(text_[end])) ++end;
    const std::string token(text_.substr(0, end));
    text_.remove_prefix(end);
    return token;
  }
  bool TakeEquals() {
    absl::string_view rest = absl::StripLeadingAsciiWhitespace(text_);
    if (!absl::ConsumePrefix(&rest, "=")) return false;
    text_ = absl::StripLeadingAsciiWhitespace(rest);
    return true;
  }
  bool AtQuote() const { return absl::StartsWith(text_, "\""); }
  // Without quotes: registries send URLs and scopes so, whose characters no token of HTTP has.
  std::string ValueOrQuoted() {
    if (AtQuote()) return Quoted();
    const size_t end = std::min(text_.find_first_of(", \t"), text_.size());
    const std::string value(text_.substr(0, end));
    text_.remove_prefix(end);
    return value;
  }
  void Drop() { text_.remove_prefix(1); }

 private:
  std::string Quoted() {
    text_.remove_prefix(1);
    std::string value;
    while (!text_.empty() && text_[0] != '"') {
      if (text_[0] == '\\' && text_.size() > 1) text_.remove_prefix(1);
      value.push_back(text_[0]);
      text_.remove_prefix(1);
    }
    absl::ConsumePrefix(&text_, "\"");
    return value;
  }

  absl::string_view text_;
};

// Schemes of challenges, as against words of a value that stands without quotes.
bool IsKnownScheme(absl::string_view name) {
  for (const char* scheme : {"basic", "bearer", "digest", "negotiate", "ntlm"}) {
    if (name == scheme) return true;
  }
  return false;
}

}  // namespace

std::vector<AuthChallenge> ParseChallenges(absl::string_view header) {
  std::vector<AuthChallenge> challenges;
  HeaderReader reader(header);
  std::string* unquoted = nullptr;  // the last value, if it stood without quotes
  for (reader.SkipSeparators(); !reader.AtEnd(); reader.SkipSeparators()) {
    const std::string token = reader.Token();
    const std::string name = absl::AsciiStrToLower(token);
    if (name.empty()) {
      reader.Drop();
    } else if (reader.TakeEquals()) {
      const bool quoted = reader.AtQuote();
      std::string value = reader.ValueOrQuoted();
      if (challenges.empty()) continue;
      const auto [it, added] = challenges.back().params.emplace(name, std::move(value));
      unquoted = added && !quoted ? &it->second : nullptr;
    } else if (unquoted != nullptr && !IsKnownScheme(name)) {
      absl::StrAppend(unquoted, ",", token);  // scope=repository:x:pull,push
    } else {
      challenges.push_back({name, {}});
      unquoted = nullptr;
    }
  }
  return challenges;
}

}  // namespace crisp
