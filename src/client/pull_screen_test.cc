#include "client/pull_screen.h"

#include <gtest/gtest.h>

namespace crisp::client {
namespace {

v1::PullProgress Progress(int layers) {
  v1::PullProgress progress;
  progress.set_reference("docker.io/library/nginx:alpine");
  progress.set_elapsed_ms(2000);
  for (int i = 0; i < layers; ++i) {
    auto* const part = progress.add_parts();
    part->set_kind(v1::PullProgress::Part::LAYER);
    part->set_digest("sha256:0123456789abcdef" + std::to_string(i));
    part->set_size(4 << 20);
    part->set_received(i == 0 ? 4 << 20 : 1 << 20);
    part->set_state(i == 0 ? v1::PullProgress::Part::DONE : v1::PullProgress::Part::RECEIVING);
  }
  return progress;
}

TEST(PullScreenTest, EachLayerHasABarWithItsBytes) {
  const std::vector<std::string> lines = DrawPull(Progress(2), {100, 24});
  ASSERT_EQ(lines.size(), 4u);
  EXPECT_EQ(lines[0], "docker.io/library/nginx:alpine");
  EXPECT_NE(lines[1].find("layer    0123456789ab  done "), std::string::npos) << lines[1];
  EXPECT_NE(lines[2].find("downloading  [========> "), std::string::npos) << lines[2];
  EXPECT_NE(lines[2].find("1.0 MiB / 4.0 MiB"), std::string::npos) << lines[2];
  EXPECT_EQ(lines[3], "elapsed 2.0 s   total 5.0 MiB   2.5 MiB/s");
}

TEST(PullScreenTest, AScreenIsNeverExceeded) {
  for (const uint16_t columns : {uint16_t{20}, uint16_t{60}, uint16_t{80}}) {
    const std::vector<std::string> lines = DrawPull(Progress(30), {columns, 10});
    EXPECT_LT(lines.size(), 10u);
    for (const std::string& line : lines) EXPECT_LT(line.size(), columns + 3u) << line;  // "…" has three bytes
  }
}

}  // namespace
}  // namespace crisp::client
