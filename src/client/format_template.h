// FormatTemplate: the part of Go's text/template that people use with --format.
//
//   {{.ID}} {{.Config.Labels}}       fields, also of maps; {{.}} is the whole value
//   {{json .Config}} {{join .Args " "}} {{len .Mounts}} {{upper .ID}} {{lower .ID}} {{title .ID}}
//   {{index .Labels "a.b"}} {{index .Args 0}} {{printf "%s %d" .Name .Code}} {{println .ID}} {{truncate .ID 12}}
//   {{.ID | upper}}
//   {{range .Mounts}}…{{else}}…{{end}} {{range $key, $value := .Labels}}…{{$key}}…{{end}}
//   {{if .Running}}…{{else if .Paused}}…{{else}}…{{end}} with not, and, or, eq, ne, lt, gt
//   {{with .Network}}…{{end}} {{/* a comment */}} {{- and -}} trim white space
//
// A field that is not there is an error that names the fields that are. Values are JSON.
#pragma once

#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace crisp::client {

namespace format {
struct Node;
}  // namespace format

// Immutable.
class FormatTemplate {
 public:
  // InvalidArgument with the part that is wrong.
  static absl::StatusOr<FormatTemplate> Parse(absl::string_view text);

  absl::StatusOr<std::string> Render(const nlohmann::ordered_json& value) const;

 private:
  explicit FormatTemplate(std::shared_ptr<const format::Node> root) : root_(std::move(root)) {}

  std::shared_ptr<const format::Node> root_;
};

}  // namespace crisp::client
