#include "doctor/subject.h"

#include <utility>

#include "config/load_config.h"

namespace crisp {

Subject SubjectOf(DoctorOptions options, HostTree tree) {
  Subject subject;
  subject.tree = std::move(tree);
  subject.config = DefaultConfig();
  subject.config_file = options.config;
  if (options.config.empty() && subject.tree.Has(kUsualConfig)) subject.config_file = kUsualConfig;
  subject.options = std::move(options);
  if (subject.config_file.empty()) return subject;
  absl::StatusOr<Config> loaded = LoadConfig(subject.tree.At(subject.config_file), &subject.config_warnings);
  subject.config_status = loaded.status();
  if (loaded.ok()) subject.config = *std::move(loaded);
  return subject;
}

}  // namespace crisp
