#include "images/hosts_toml.h"

#include <toml++/toml.h>

#include <algorithm>
#include <chrono>
#include <optional>
#include <tuple>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "base/status_macros.h"

namespace crisp {
namespace {

// The settings of one host, or those at the top of the file.
struct Settings {
  std::optional<RegistryTls> tls;
  bool resolves = true;
  bool serves_blobs = true;
  bool override_path = false;
  std::optional<std::chrono::milliseconds> connect_timeout;
  std::vector<std::pair<std::string, std::string>> headers;
};

const char* TypeName(const toml::node& node) {
  switch (node.type()) {
    case toml::node_type::table:
      return "a table";
    case toml::node_type::array:
      return "a list";
    case toml::node_type::string:
      return "a string";
    case toml::node_type::integer:
    case toml::node_type::floating_point:
      return "a number";
    case toml::node_type::boolean:
      return "true or false";
    default:
      return "a date or time";
  }
}

// One file. Its path and the position in it are part of every error.
class HostsReader {
 public:
  HostsReader(const std::string& path, const std::string& domain, std::vector<std::string>* warnings)
      : path_(path), directory_(path.substr(0, path.rfind('/'))), domain_(domain), warnings_(warnings) {}

  absl::StatusOr<std::vector<Endpoint>> Read(const toml::table& root, const std::vector<Endpoint>& own) {
    std::vector<Endpoint> endpoints;
    if (const toml::node* hosts = root.get("host")) {
      if (!hosts->is_table()) return Expected(*hosts, "host", "a table of hosts");
      ASSIGN_OR_RETURN(endpoints, ReadHosts(*hosts->as_table()));
    }
    ASSIGN_OR_RETURN(const std::vector<Endpoint> last, ReadServer(root, own));
    endpoints.insert(endpoints.end(), last.begin(), last.end());
    return endpoints;
  }

  absl::Status Wrong(const toml::source_region& where, absl::string_view text) const {
    return absl::InternalError(absl::StrCat(path_, ":", where.begin.line, ": ", text));
  }

 private:
  absl::Status Expected(const toml::node& node, absl::string_view key, absl::string_view expected) const {
    return Wrong(node.source(), absl::StrCat(key, ": expected ", expected, ", found ", TypeName(node)));
  }

  // The hosts in the order of the file, which a toml::table does not keep.
  absl::StatusOr<std::vector<Endpoint>> ReadHosts(const toml::table& hosts) {
    std::vector<std::pair<const toml::key*, const toml::node*>> in_order;
    for (const auto& [key, node] : hosts) in_order.emplace_back(&key, &node);
    const auto position = [](const auto& entry) {
      const toml::source_position& begin = entry.first->source().begin;
      return std::make_tuple(begin.line, begin.column);
    };
    std::sort(in_order.begin(), in_order.end(),
              [&](const auto& a, const auto& b) { return position(a) < position(b); });
    std::vector<Endpoint> endpoints;
    for (const auto& [key, node] : in_order) {
      const std::string url(key->str());
      const std::string name = absl::StrCat("host.\"", WithoutUserInfo(url), "\"");
      if (!node->is_table()) return Expected(*node, name, "a table");
      // First, because the texts of all other errors have the URL in them.
      RETURN_IF_ERROR(MakeHost(url, {}, key->source(), name));
      ASSIGN_OR_RETURN(const Settings settings, ReadSettings(*node->as_table(), name + "."));
      ASSIGN_OR_RETURN(const std::vector<Endpoint> host, MakeHost(url, settings, key->source(), name));
      endpoints.insert(endpoints.end(), host.begin(), host.end());
    }
    return endpoints;
  }

  absl::StatusOr<std::vector<Endpoint>> ReadServer(const toml::table& root, std::vector<Endpoint> own) {
    ASSIGN_OR_RETURN(const Settings settings, ReadSettings(root, ""));
    if (const toml::node* server = root.get("server")) {
      ASSIGN_OR_RETURN(const std::string url, ReadText(*server, "server"));
      if (!url.empty()) return MakeHost(url, settings, server->source(), "server");
    }
    for (Endpoint& endpoint : own) {
      // The leniency of a registry on loopback stays.
      const bool lenient = endpoint.tls.has_value() && endpoint.tls->insecure_skip_verify;
      Apply(settings, &endpoint);
      if (lenient) endpoint.tls->insecure_skip_verify = true;
    }
    return own;
  }

  absl::StatusOr<std::vector<Endpoint>> MakeHost(const std::string& url, const Settings& settings,
                                                 const toml::source_region& where, const std::string& key) const {
    const std::string whole = absl::StrContains(url, "://") ? url : absl::StrCat("https://", url);
    absl::StatusOr<Endpoint> endpoint =
        ParseEndpoint(whole, domain_, settings.override_path ? ApiPath::kAsItIs : ApiPath::kAppend);
    if (!endpoint.ok()) return Wrong(where, absl::StrCat(key, ": ", endpoint.status().message()));
    Apply(settings, &*endpoint);
    const bool tls_first = endpoint->url.scheme == "http" && endpoint->tls.has_value();
    // Without a port the two schemes have different ones; port 80 is http's.
    if (tls_first && !(endpoint->url.HasPort() && endpoint->url.Port() == "80")) return TlsFirst(*std::move(endpoint));
    return std::vector<Endpoint>{*std::move(endpoint)};
  }

  static void Apply(const Settings& settings, Endpoint* endpoint) {
    if (settings.tls.has_value()) endpoint->tls = settings.tls;
    endpoint->resolves = settings.resolves;
    endpoint->serves_blobs = settings.serves_blobs;
    endpoint->connect_timeout = settings.connect_timeout;
    endpoint->headers = settings.headers;
  }

  // `prefix` is what stands before the keys of `table`: "" or "host.\"https://mirror\".".
  absl::StatusOr<Settings> ReadSettings(const toml::table& table, const std::string& prefix) {
    Settings settings;
    for (const auto& [toml_key, node] : table) {
      const std::string name(toml_key.str());
      const std::string key = prefix + name;
      if (name == "capabilities") {
        RETURN_IF_ERROR(ReadCapabilities(node, key, &settings));
      } else if (name == "header") {
        RETURN_IF_ERROR(ReadHeaders(node, key, &settings));
      } else if (name == "override_path") {
        ASSIGN_OR_RETURN(settings.override_path, ReadFlag(node, key));
      } else if (name == "dial_timeout") {
        ASSIGN_OR_RETURN(settings.connect_timeout, ReadDuration(node, key));
      } else if (name == "ca" || name == "client" || name == "skip_verify") {
        if (!settings.tls.has_value()) settings.tls.emplace();
        RETURN_IF_ERROR(ReadTls(name, node, key, &*settings.tls));
      } else if (!prefix.empty() || (name != "server" && name != "host")) {
        WarnOfUnknown(toml_key.source(), key);
      }
    }
    return settings;
  }

  void WarnOfUnknown(const toml::source_region& where, const std::string& key) {
    if (warnings_ == nullptr) return;
    warnings_->push_back(absl::StrCat(path_, ":", where.begin.line, ": ", key, " is not a key of hosts.toml and does ",
                                      "nothing; remove it or correct its name"));
  }

  absl::Status ReadTls(const std::string& name, const toml::node& node, const std::string& key, RegistryTls* tls) {
    if (name == "ca") {
      ASSIGN_OR_RETURN(const std::vector<std::string> files, ReadTexts(node, key, "a path or a list of paths"));
      for (const std::string& file : files) tls->ca_files.push_back(Absolute(file));
    } else if (name == "client") {
      RETURN_IF_ERROR(ReadClients(node, key, tls));
    } else {
      ASSIGN_OR_RETURN(tls->insecure_skip_verify, ReadFlag(node, key));
    }
    return absl::OkStatus();
  }

  absl::Status ReadClients(const toml::node& node, const std::string& key, RegistryTls* tls) {
    constexpr absl::string_view kForms = "a path, a list of paths, or a list of pairs [certificate, key]";
    if (!node.is_array()) {
      if (!node.is_string()) return Expected(node, key, kForms);
      tls->clients.push_back({Absolute(node.as_string()->get()), ""});
      return absl::OkStatus();
    }
    for (const toml::node& entry : *node.as_array()) {
      if (const toml::value<std::string>* file = entry.as_string()) {
        tls->clients.push_back({Absolute(file->get()), ""});
        continue;
      }
      if (!entry.is_array()) return Expected(entry, key, kForms);
      ASSIGN_OR_RETURN(const std::vector<std::string> pair, ReadTexts(entry, key, "a pair [certificate, key]"));
      if (pair.size() != 2) return Wrong(entry.source(), absl::StrCat(key, ": expected pairs [certificate, key]"));
      tls->clients.push_back({Absolute(pair[0]), pair[1].empty() ? "" : Absolute(pair[1])});
    }
    return absl::OkStatus();
  }

  absl::Status ReadCapabilities(const toml::node& node, const std::string& key, Settings* settings) {
    if (!node.is_array()) return Expected(node, key, "a list of strings");
    ASSIGN_OR_RETURN(const std::vector<std::string> names, ReadTexts(node, key, "a list of strings"));
    if (!names.empty()) settings->resolves = settings->serves_blobs = false;
    for (const std::string& given : names) {
      const std::string name = absl::AsciiStrToLower(given);
      if (name == "resolve") settings->resolves = true;
      if (name == "pull") settings->serves_blobs = true;
      if (name != "resolve" && name != "pull" && name != "push" && name != "referrers") {
        return Wrong(node.source(), absl::StrCat(key, ": there are \"pull\", \"resolve\", \"push\" and \"referrers\""));
      }
    }
    return absl::OkStatus();
  }

  absl::Status ReadHeaders(const toml::node& node, const std::string& key, Settings* settings) {
    if (!node.is_table()) return Expected(node, key, "a table of strings");
    for (const auto& [name, value] : *node.as_table()) {
      const std::string header(name.str());
      const std::string header_key = absl::StrCat(key, ".", header);
      if (!IsHeaderName(header)) return Wrong(name.source(), absl::StrCat(header_key, ": not the name of a header"));
      ASSIGN_OR_RETURN(const std::vector<std::string> lines,
                       ReadTexts(value, header_key, "a string or a list of them"));
      for (const std::string& line : lines) {
        if (std::any_of(line.begin(), line.end(), [](unsigned char c) { return c < ' ' && c != '\t'; })) {
          return Wrong(value.source(), absl::StrCat(header_key, ": the value of a header has no control characters"));
        }
        settings->headers.emplace_back(header, line);
      }
    }
    return absl::OkStatus();
  }

  static bool IsHeaderName(absl::string_view name) {
    return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
      return absl::ascii_isalnum(static_cast<unsigned char>(c)) || absl::StrContains("!#$%&'*+-.^_`|~", c);
    });
  }

  absl::StatusOr<bool> ReadFlag(const toml::node& node, const std::string& key) const {
    if (!node.is_boolean()) return Expected(node, key, "true or false");
    return node.as_boolean()->get();
  }

  absl::StatusOr<std::string> ReadText(const toml::node& node, const std::string& key) const {
    if (!node.is_string()) return Expected(node, key, "a string");
    return node.as_string()->get();
  }

  absl::StatusOr<std::optional<std::chrono::milliseconds>> ReadDuration(const toml::node& node,
                                                                        const std::string& key) const {
    ASSIGN_OR_RETURN(const std::string text, ReadText(node, key));
    absl::Duration duration;
    if (text.empty()) return std::nullopt;
    if (!absl::ParseDuration(text, &duration) || duration < absl::ZeroDuration() || duration > absl::Hours(24 * 365)) {
      return Wrong(node.source(), absl::StrCat(key, ": expected a duration such as \"5s\" or \"1m30s\""));
    }
    return std::chrono::milliseconds(absl::ToInt64Milliseconds(duration));
  }

  // A string, or a list of strings.
  absl::StatusOr<std::vector<std::string>> ReadTexts(const toml::node& node, const std::string& key,
                                                     absl::string_view expected) const {
    if (const toml::value<std::string>* text = node.as_string()) return std::vector<std::string>{text->get()};
    if (!node.is_array()) return Expected(node, key, expected);
    std::vector<std::string> texts;
    for (const toml::node& entry : *node.as_array()) {
      if (!entry.is_string()) return Expected(entry, key, expected);
      texts.push_back(entry.as_string()->get());
    }
    return texts;
  }

  std::string Absolute(const std::string& file) const {
    return absl::StartsWith(file, "/") ? file : absl::StrCat(directory_, "/", file);
  }

  const std::string& path_;
  const std::string directory_;
  const std::string& domain_;
  std::vector<std::string>* const warnings_;
};

}  // namespace

absl::StatusOr<std::vector<Endpoint>> ParseHostsToml(absl::string_view text, const std::string& path,
                                                     const std::string& domain, const std::vector<Endpoint>& own,
                                                     std::vector<std::string>* warnings) {
  HostsReader reader(path, domain, warnings);
  try {
    const toml::table root = toml::parse(std::string_view(text.data(), text.size()));
    return reader.Read(root, own);
  } catch (const toml::parse_error& error) {
    return reader.Wrong(error.source(), std::string(error.description()));
  }
}

}  // namespace crisp
