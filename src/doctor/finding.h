// Finding: one answer of `crispd doctor`, and Findings, which collects those of a check.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "base/mutex.h"

namespace crisp {

// In rising order.
enum class Verdict {
  kOk,
  kNote,     // something to know, which may be as it should be
  kWarning,  // pods run, but something is missing, risky or about to end
  kProblem,  // pods do not run, or stop running as they should
};

// "ok", "note", "warning", "problem".
const char* NameOf(Verdict verdict);

struct Finding {
  Verdict verdict = Verdict::kOk;
  std::string name;    // "kernel.overlayfs": an entry of the catalog (catalog.h)
  std::string object;  // what was looked at: a path, a URL, a program, a unit
  std::string text;    // what was found
  std::string remedy;  // what to do; may be empty for kOk and kNote
};

// Thread-safe: what a check has found so far can be read while it runs.
class Findings {
 public:
  // `check` is the part of the names before the dot.
  explicit Findings(std::string check) : check_(std::move(check)) {}

  void Ok(absl::string_view item, std::string object, std::string text) {
    Add(Verdict::kOk, item, std::move(object), std::move(text), "");
  }
  void Note(absl::string_view item, std::string object, std::string text, std::string remedy = "") {
    Add(Verdict::kNote, item, std::move(object), std::move(text), std::move(remedy));
  }
  void Warn(absl::string_view item, std::string object, std::string text, std::string remedy) {
    Add(Verdict::kWarning, item, std::move(object), std::move(text), std::move(remedy));
  }
  void Problem(absl::string_view item, std::string object, std::string text, std::string remedy) {
    Add(Verdict::kProblem, item, std::move(object), std::move(text), std::move(remedy));
  }
  void Add(Verdict verdict, absl::string_view item, std::string object, std::string text, std::string remedy) {
    MutexLock lock(mutex_);
    all_.push_back({verdict, absl::StrCat(check_, ".", item), std::move(object), std::move(text), std::move(remedy)});
  }

  std::vector<Finding> Get() const {
    MutexLock lock(mutex_);
    return all_;
  }

 private:
  const std::string check_;
  mutable Mutex mutex_;
  std::vector<Finding> all_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace crisp
