#include "client/pull.h"

#include <unistd.h>

#include <fstream>
#include <optional>
#include <sstream>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "client/credentials.h"
#include "client/image_names.h"
#include "client/pull_screen.h"

namespace crisp::client {
namespace {

std::optional<own::Credentials> CredentialsOf(const std::string& name) {
  std::ifstream file(DockerConfigPath());
  std::stringstream text;
  text << file.rdbuf();
  return CredentialsFor(WholeName(name), text.str());
}

absl::StatusOr<std::string> PullByCri(RuntimeClient* runtime, const std::string& name,
                                      const std::optional<own::Credentials>& credentials, int screen) {
  if (screen >= 0) Err(absl::StrCat("pulling ", name, "; ", runtime->Name(), " does not tell how far it is\n"));
  cri::PullImageRequest request;
  request.mutable_image()->set_image(WholeName(name));
  if (credentials) {
    request.mutable_auth()->set_username(credentials->username());
    request.mutable_auth()->set_password(credentials->password());
    request.mutable_auth()->set_identity_token(credentials->identity_token());
    request.mutable_auth()->set_registry_token(credentials->registry_token());
  }
  ASSIGN_OR_RETURN(const auto pulled, runtime->Call(request), "pull ", name);
  return pulled.image_ref();
}

}  // namespace

absl::StatusOr<std::string> PullImage(Session& session, const std::string& name, int screen) {
  ASSIGN_OR_RETURN(RuntimeClient* const runtime, session.Runtime());
  const std::optional<own::Credentials> credentials = CredentialsOf(name);
  own::PullRequest request;
  request.set_image(name);
  if (credentials) *request.mutable_credentials() = *credentials;
  std::optional<PullScreen> drawn;
  if (screen >= 0) drawn.emplace(screen);
  std::string image;
  const absl::Status status = runtime->Pull(request, [&](const own::PullProgress& progress) {
    if (drawn) drawn->Show(progress);
    image = progress.image();
    return true;
  });
  if (absl::IsUnimplemented(status)) return PullByCri(runtime, name, credentials, screen);
  RETURN_IF_ERROR(status, "pull ", name);
  if (drawn) drawn->End();
  return image;
}

}  // namespace crisp::client
