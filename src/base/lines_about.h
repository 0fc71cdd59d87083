// LinesAbout: which lines of the recorder are about an object, by the fields that log lines have of it
// (sandbox/pod_log.h).
#pragma once

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "base/log.h"

namespace crisp {

// For Recorder::Lines. Immutable.
class LinesAbout {
 public:
  // Of a pod and its containers, if there is a pod_id or the name of a pod: also the lines that were written before the
  // pod had its id, and those of an earlier try to run it. Else of the container, else of the image, whose name may be
  // a part of the whole one. Of any other fields: every line.
  explicit LinesAbout(const OwnedLogFields& fields);

  bool operator()(absl::string_view line) const;

 private:
  std::vector<std::string> parts_;  // of which a line has one; none: every line
  std::string image_;
};

}  // namespace crisp
