#include "network/generated_conf.h"

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "network/cni_config.h"
#include "network/conf_template.h"
#include "os/file.h"

namespace crisp {
namespace {

constexpr size_t kMaxTemplate = 1 << 20;
constexpr char kWhat[] = "network configuration from conf_template ";

}  // namespace

absl::Status CheckTemplateFile(const std::string& path) {
  ASSIGN_OR_RETURN(const std::string text, ReadFileAt(AT_FDCWD, path, kMaxTemplate), kWhat, path);
  return Annotate(CheckConfTemplate(text), absl::StrCat(kWhat, path));
}

absl::Status GenerateConf(const std::string& path, const std::string& conf_dir, const std::vector<std::string>& cidrs) {
  ASSIGN_OR_RETURN(const std::string text, ReadFileAt(AT_FDCWD, path, kMaxTemplate), kWhat, path);
  ASSIGN_OR_RETURN(const std::string rendered, RenderConfTemplate(text, cidrs), kWhat, path);
  RETURN_IF_ERROR(ParseCniConfig(kGeneratedConf, rendered), kWhat, path, ": with the node's ranges put in");
  RETURN_IF_ERROR(MakeDirs(conf_dir, 0755), kWhat, path);
  return Annotate(WriteFileAtomically(AT_FDCWD, absl::StrCat(conf_dir, "/", kGeneratedConf), rendered, 0644),
                  absl::StrCat(kWhat, path));
}

}  // namespace crisp
