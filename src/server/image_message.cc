#include "server/image_message.h"

#include <algorithm>

#include "absl/strings/string_view.h"
#include "runtime/passwd.h"

namespace crisp {
namespace {

// USER of an image: the part before ':'. All digits is a uid, anything else a name, as where the container is made.
void SetUser(absl::string_view user, cri::Image* message) {
  user = user.substr(0, user.find(':'));
  if (user.empty()) {
    message->mutable_uid()->set_value(0);
  } else if (const std::optional<uint32_t> uid = ParseId(user)) {
    message->mutable_uid()->set_value(*uid);
  } else {
    message->set_username(std::string(user));
  }
}

}  // namespace

cri::Image ImageMessage(const Image& image) {
  cri::Image message;
  message.set_id(image.id);
  for (const std::string& tag : image.repo_tags) message.add_repo_tags(tag);
  for (const std::string& digest : image.repo_digests) message.add_repo_digests(digest);
  message.set_size(image.size);
  message.mutable_spec()->set_image(image.id);
  message.set_pinned(image.pinned);
  SetUser(image.config.user, &message);
  return message;
}

std::vector<cri::Image> ImageMessages(Images* images, const cri::ImageFilter& filter) {
  std::vector<cri::Image> messages;
  const std::string& wanted = filter.image().image();
  if (wanted.empty()) {
    for (const auto& image : images->List()) messages.push_back(ImageMessage(*image));
  } else if (const auto image = images->Find(wanted)) {
    messages.push_back(ImageMessage(*image));
  }
  return messages;
}

}  // namespace crisp
