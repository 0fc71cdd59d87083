// PullScreen: what a person sees of a pull: a line with a bar for each part of the image, and the sum below.
//
//   docker.io/library/nginx:alpine
//   manifest 3a1b…  done
//   layer    a0d0a0d46f8b  downloading  [=========>          ]    1.6 MiB / 3.2 MiB
//   elapsed 1.2 s   total 1.6 MiB   1.3 MiB/s
#pragma once

#include <set>
#include <string>
#include <vector>

#include "api/crisp/v1/crisp.pb.h"
#include "client/terminal.h"

namespace crisp::client {

// The lines of a screen of this size; where they are too many, parts that are done are left out first. Pure.
std::vector<std::string> DrawPull(const v1::PullProgress& progress, const TerminalSize& size);

// The last line: time, bytes and bytes a second.
std::string PullSummary(const v1::PullProgress& progress);

// Draws on a terminal over what it drew before; elsewhere it writes a line when a part is done.
class PullScreen {
 public:
  explicit PullScreen(int fd);

  void Show(const v1::PullProgress& progress);
  // Behind the last Show.
  void End();

 private:
  void Redraw(const v1::PullProgress& progress);
  void WriteNews(const v1::PullProgress& progress);
  void Write(const std::string& text) const;

  const int fd_;
  const bool terminal_;
  size_t drawn_ = 0;            // lines on the screen
  std::set<std::string> told_;  // digests whose end was written
  std::string summary_;
  bool named_ = false;
};

}  // namespace crisp::client
