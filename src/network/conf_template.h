// Templates of CNI configurations, as containerd's key conf_template names one: text of Go's package text/template, of
// which the following is understood:
//
//   {{.PodCIDR}}                                  the first of the node's ranges of pod addresses
//   {{range $i, $range := .PodCIDRRanges}} {{end}}  all of them; also without $i, or with {{.}} in place of $range
//   {{range .Routes}} {{else}} {{end}}            "0.0.0.0/0", "::/0", or both, as the ranges are
//   {{if $i}}, {{else if .Routes}} {{else}} {{end}}  true: a number but 0, a text or list but the empty one
//   {{/* a comment */}}, {{- trimmed -}}, {{$.PodCIDR}}
//
// Functions, pipelines and nested templates are not. Everything is checked before anything is rendered: of each branch.
//
// Plain functions, callable from any thread. Errors are Internal, "line 7: {{action}}: …", without the file's name.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace crisp {

absl::Status CheckConfTemplate(absl::string_view text);

// `cidrs`: at least one, as ParsePodCidrs gives them (pod_cidrs.h).
absl::StatusOr<std::string> RenderConfTemplate(absl::string_view text, const std::vector<std::string>& cidrs);

}  // namespace crisp
