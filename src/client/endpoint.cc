#include "client/endpoint.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <yaml.h>

#include <fstream>
#include <memory>
#include <sstream>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "base/status_macros.h"
#include "os/fd.h"

namespace crisp::client {
namespace {

bool Listens(const std::string& path) {
  const Fd probe(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) return false;
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  return connect(probe.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
}

absl::StatusOr<Endpoint> From(absl::string_view endpoint, const std::string& source) {
  ASSIGN_OR_RETURN(std::string path, SocketPath(endpoint), source);
  return Endpoint{std::move(path), source};
}

using Document = std::unique_ptr<yaml_document_t, decltype(&yaml_document_delete)>;

std::string ValueOf(yaml_document_t* document, absl::string_view key) {
  const yaml_node_t* const root = yaml_document_get_root_node(document);
  if (root == nullptr || root->type != YAML_MAPPING_NODE) return "";
  for (const yaml_node_pair_t* pair = root->data.mapping.pairs.start; pair < root->data.mapping.pairs.top; ++pair) {
    const yaml_node_t* const name = yaml_document_get_node(document, pair->key);
    const yaml_node_t* const value = yaml_document_get_node(document, pair->value);
    if (name->type != YAML_SCALAR_NODE || value->type != YAML_SCALAR_NODE) continue;
    const auto text = [](const yaml_node_t* node) {
      return absl::string_view(reinterpret_cast<const char*>(node->data.scalar.value), node->data.scalar.length);
    };
    if (text(name) == key) return std::string(text(value));
  }
  return "";
}

}  // namespace

absl::StatusOr<std::string> SocketPath(absl::string_view endpoint) {
  absl::string_view path = endpoint;
  if (absl::ConsumePrefix(&path, "unix:")) {
    while (absl::StartsWith(path, "//")) path.remove_prefix(1);
  }
  if (absl::StartsWith(path, "/") && path.size() < sizeof(sockaddr_un::sun_path)) return std::string(path);
  return absl::InvalidArgumentError(
      absl::StrCat("\"", endpoint, "\" is not a Unix socket; write it as unix:///run/crisp/crisp.sock"));
}

absl::StatusOr<std::string> YamlScalar(absl::string_view text, absl::string_view key) {
  yaml_parser_t parser;
  if (yaml_parser_initialize(&parser) == 0) return absl::ResourceExhaustedError("no memory for a YAML parser");
  const std::unique_ptr<yaml_parser_t, decltype(&yaml_parser_delete)> owner(&parser, yaml_parser_delete);
  yaml_parser_set_input_string(&parser, reinterpret_cast<const unsigned char*>(text.data()), text.size());
  yaml_document_t document;
  if (yaml_parser_load(&parser, &document) == 0) {
    return absl::InvalidArgumentError(absl::StrCat("line ", parser.problem_mark.line + 1, ": ", parser.problem));
  }
  const Document document_owner(&document, yaml_document_delete);
  return ValueOf(&document, key);
}

absl::StatusOr<Endpoint> ChooseEndpoint(const EndpointChoices& choices) {
  if (!choices.flag.empty()) return From(choices.flag, "--endpoint");
  if (!choices.variable.empty()) return From(choices.variable, "CONTAINER_RUNTIME_ENDPOINT");
  if (std::ifstream file(choices.config_file); file) {
    std::stringstream text;
    text << file.rdbuf();
    ASSIGN_OR_RETURN(const std::string endpoint, YamlScalar(text.str(), "runtime-endpoint"), choices.config_file);
    if (!endpoint.empty()) return From(endpoint, choices.config_file);
  }
  for (const std::string& path : choices.known) {
    if (Listens(path)) return Endpoint{path, "the first socket that answers"};
  }
  return absl::NotFoundError(absl::StrCat("no container runtime listens on ", absl::StrJoin(choices.known, ", "),
                                          "; start one (systemctl start crispd), name its socket with --endpoint, or "
                                          "run this as root"));
}

}  // namespace crisp::client
