#include "sandbox/testing/fake_images.h"

#include <utility>

#include "base/status_macros.h"
#include "os/file.h"

namespace crisp {

FakeImages::FakeImages(Layout layout, Steps* steps) : layout_(std::move(layout)), steps_(steps) {
  Image image;
  image.id = "sha256:" + std::string(64, 'a');
  image.size = 1;
  image.config.entrypoint = {"/bin/program"};
  image_ = std::make_shared<const Image>(std::move(image));
}

void FakeImages::ForgetImages() {
  MutexLock lock(mutex_);
  pulled_ = false;
}

std::set<std::string> FakeImages::mounted() const {
  MutexLock lock(mutex_);
  return mounted_;
}

absl::StatusOr<std::string> FakeImages::Pull(const std::string&, const RegistryAuth&, const CallContext&) {
  const Steps::Step step = steps_->Enter("pull");
  RETURN_IF_ERROR(step.before);
  MutexLock lock(mutex_);
  pulled_ = true;
  RETURN_IF_ERROR(step.after);
  return image_->id;
}

std::shared_ptr<const Image> FakeImages::Find(const std::string& name) {
  MutexLock lock(mutex_);
  return pulled_ && name != "absent" ? image_ : nullptr;
}

absl::Status FakeImages::MountRootfs(const std::string&, const std::string& container_id, const std::string&,
                                     const RootfsOptions&) {
  const Steps::Step step = steps_->Enter("mount rootfs");
  RETURN_IF_ERROR(step.before);
  RETURN_IF_ERROR(MakeDirs(layout_.Container(container_id), 0700));
  MutexLock lock(mutex_);
  mounted_.insert(container_id);
  return step.after;
}

absl::Status FakeImages::ReleaseRootfs(const std::string& container_id, const std::string&) {
  const Steps::Step step = steps_->Enter("release rootfs");
  RETURN_IF_ERROR(step.before);
  MutexLock lock(mutex_);
  mounted_.erase(container_id);
  return step.after;
}

}  // namespace crisp
